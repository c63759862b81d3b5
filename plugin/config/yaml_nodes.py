"""The nodes of a YAML text, with PyYAML; syntax errors in our words."""

import re

import yaml

from plugin.config.problems import InvalidValue, Problem, config_error

TAG = "tag:yaml.org,2002:"
YAML_TEXT = "YAML; text with brackets, quotes, ': ' or ' #' in it goes into single quotes"

# The plain types of YAML 1.2: pattern, and the characters that one can begin with.
PLAIN_TYPES = (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})$", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+$|[-+]?\.inf$|\.nan$", "-+.0123456789"),
    ("null", r"(?:~|null|Null|NULL|)$", "~nN"),
    ("merge", r"<<$", "<"),
)
BYTE_ORDER_MARK = "\ufeff"

_SPACE_AND_COMMENT = re.compile(r" *(?:#[^\0\r\n\x85\u2028\u2029]*)?")


class _Loader(yaml.SafeLoader):
    """Only the scalars of the core schema of YAML 1.2 are typed; the others are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {
        first: [
            (f"{TAG}{name}", re.compile(pattern))
            for name, pattern, firsts in PLAIN_TYPES
            if first in firsts
        ]
        for first in "tTfFnN~<-+.0123456789"
    } | {"": [(f"{TAG}null", re.compile(r"$"))]}

    def scan_to_next_token(self) -> None:
        """As in PyYAML, which looks at each character of a comment, and takes twice as long."""
        if self.index == 0 and self.peek() == BYTE_ORDER_MARK:
            self.forward()
        while True:
            match = _SPACE_AND_COMMENT.match(self.buffer, self.pointer)
            width = match.end() - match.start() if match else 0
            self.pointer += width
            self.index += width
            self.column += width
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True


def compose(text: str, file: str) -> yaml.Node | None:
    """The node of the document; None if it is empty. Raises ConfigError if the text is not YAML."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        raise config_error(file, [_unreadable_character(text, error)]) from None
    try:
        node: yaml.Node | None = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise config_error(file, [_syntax_problem(error)]) from None
    except RecursionError:
        raise config_error(file, [_broken("too deep a nesting", loader.line)]) from None
    # PyYAML makes a character or a number of what is too large for one.
    except (ValueError, OverflowError):
        reason = "a number or an escape that is too large"
        raise config_error(file, [_broken(reason, loader.line)]) from None
    finally:
        loader.dispose()
    return node


def fits(text: str, kind: str) -> bool:
    """Whether a text spells a value of a plain type, such as `int`."""
    kinds = (kind, "int") if kind == "float" else (kind,)
    return any(name in kinds and re.match(pattern, text) for name, pattern, _ in PLAIN_TYPES)


def _unreadable_character(text: str, error: yaml.reader.ReaderError) -> Problem:
    line = text.count("\n", 0, error.position)
    return _broken(f"the control character U+{error.character:04X}", line)


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    """It shows at most one character of the text, which may be part of a secret."""
    line = error.problem_mark.line if error.problem_mark else 0
    reason = re.sub(
        r"(duplicate anchor|undefined tag handle).*",
        r"\1",
        (error.problem or "text that is no YAML").removeprefix("found "),
    )
    if reason.startswith("undefined alias"):
        refusal = InvalidValue(
            "an alias without an anchor", "*NAME after &NAME; text with a * needs quotes"
        )
    elif "'\\t'" in reason:
        refusal = InvalidValue("a tab in the indentation", "spaces")
    elif "single document" in str(error):
        refusal = InvalidValue("a second document (---)", "one document in a file")
    else:
        return _broken(reason, line)
    return Problem(line + 1, "", str(refusal))


def _broken(reason: str, line: int) -> Problem:
    """line: counted from 0."""
    return Problem(line + 1, "", str(InvalidValue(f"broken YAML ({reason})", YAML_TEXT)))
