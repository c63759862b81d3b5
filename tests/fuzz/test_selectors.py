"""Selectors are read, or refused with the character."""

from hypothesis import given
from hypothesis import strategies as st

from plugin import selectors
from plugin.errors import SelectorError
from tests.cpu import within
from tests.fuzz.extent import MAX_SECONDS, examples, small

PIECES = st.sampled_from(
    (
        *("up", "{", "}", "{}", ",", "=", "!=", "=~", "!~", '"', "'", "`", "\\", "job", '"api"'),
        *('job="api"', 'code=~"5.."', 'a!~"x|y"', '{"a.b"}', " ", "\n", "\x00", "\u202e", "\ud800"),
        *(r'"\ud800"', r'"\xff"', r'"\777"', r'"\U00110000"', '=~"(a+)+$"', '=~".{1000}"', "é"),
        *(
            '=~"(?i)a{1000}{1000}"',
            '=~"\\\\pL"',
            '=~"("',
            '=~"[^"',
            "up[5m]",
            "rate(",
            ")",
            "__name__",
        ),
    )
)
LABELS = {"job": "api", "code": "500", "a": "x" * 1000, "__name__": "up"}
texts = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=60))


@examples(usual=2000, long=20_000)
@given(texts)
def test_a_selector_is_read_or_refused(text: str) -> None:
    @small()
    def read() -> None:
        try:
            matchers = selectors.parse(text)
        except SelectorError as error:
            assert str(error)
            return
        selectors.select(matchers, LABELS)

    within(MAX_SECONDS, read)
