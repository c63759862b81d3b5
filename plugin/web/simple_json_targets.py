"""Which series a target of the older JSON protocol stands for. Pure.

A target is a name, perhaps with a selector over the columns of the rows:
`score{watch="web",instance="a:9100"}`. Grafana writes variables into it as regular expressions, so
a name that nothing bears is read as one.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from plugin import selectors
from plugin.config import Watch
from plugin.errors import RequestError, SelectorError
from plugin.selectors import Matcher, select
from plugin.series import Labels, SeriesRecord
from plugin.web.parameters import nearest
from plugin.web.request_bodies import FilterBody, SeriesSelection
from plugin.web.rows import label_columns

LEGEND = "{{watch}} {{series}} {{field}}"


@dataclass(frozen=True)
class Candidate:
    """A series under the columns of its rows, or a watch alone, which may have no series yet."""

    columns: Mapping[str, str]  # `watch`, `series`, labels, the labels of the watch
    record: SeriesRecord | None

    @property
    def labels(self) -> Labels:
        return self.record.labels if self.record is not None else Labels(())


def candidates(records: Iterable[SeriesRecord], watches: Mapping[str, Watch]) -> list[Candidate]:
    """All that can be selected: each watch, and each series."""
    own = {name: watch.own_labels for name, watch in watches.items()}
    alone = [
        Candidate({"watch": name, "series": "", **label_columns(Labels(()), own[name])}, None)
        for name in own
    ]
    return alone + [
        Candidate(
            {
                "watch": record.watch,
                "series": str(record.labels),
                **label_columns(record.labels, own.get(record.watch, {})),
            },
            record,
        )
        for record in records
    ]


def read_target(text: str, field: str) -> tuple[str, tuple[Matcher, ...]]:
    """The name of a target ("" = none), and its conditions on columns. Raises RequestError."""
    matchers = _parsed(text, field)
    named = bool(matchers) and not text.lstrip().startswith("{")
    return (matchers[0].value, matchers[1:]) if named else ("", matchers)


def read_filters(filters: Sequence[FilterBody]) -> tuple[Matcher, ...]:
    """Ad hoc filters as conditions on columns. Raises RequestError."""
    return tuple(
        matcher
        for number, each in enumerate(filters)
        for matcher in _parsed(
            f"{{{_quoted(each.key)}{each.operator}{_quoted(each.value)}}}",
            f"adhocFilters[{number}]",
        )
    )


def selected(
    found: Sequence[Candidate],
    choice: SeriesSelection | str | None,
    conditions: tuple[Matcher, ...],
    field: str,
) -> list[Candidate]:
    """Those of `found` that a payload and conditions on columns choose.

    field: of the payload. Raises RequestError when it cannot be read or names a watch that does not
    exist.
    """
    if isinstance(choice, SeriesSelection):
        match = _parsed(choice.match or "", f"{field}.match")
        for column, given in (("watch", choice.watch), ("series", choice.series)):
            names = _named(given, {each.columns[column] for each in found}, f"{field}.{column}")
            found = [each for each in found if names is None or each.columns[column] in names]
        found = [each for each in found if select(match, each.labels)]
    return [each for each in found if select(conditions, each.columns)]


def legend(template: str | None, columns: Mapping[str, str], name: str) -> str:
    """What a line is called: `{{column}}` stands for its value, `{{field}}` for the name of the
    target."""
    values = {**columns, "field": name}
    return re.sub(
        r"\{\{\s*([^{}\s]+)\s*\}\}", lambda found: values.get(found[1], ""), template or LEGEND
    )


def _named(given: str | list[str] | None, known: Collection[str], field: str) -> set[str] | None:
    """The known names that are given as they are or by a regular expression; None = no
    condition."""
    texts = [text for text in ([given] if isinstance(given, str) else given or []) if text]
    if not texts:
        return None
    names = set(texts) & set(known)
    patterns = [text for text in dict.fromkeys(texts) if text not in names]
    if field.endswith(".watch"):
        for text in patterns:
            if not _matching([text], known, field):
                raise RequestError(
                    f"there is no watch `{text}`{nearest(text, known)}; "
                    f"valid: {', '.join(sorted(known))}",
                    field=field,
                    status=404,
                    code="unknown_watch",
                )
    return names | _matching(patterns, known, field)


def _matching(patterns: Sequence[str], known: Collection[str], field: str) -> set[str]:
    """The names that one of the expressions matches; all are looked for at once, because there may
    be many of both."""
    for pattern in patterns:
        _parsed(f"{{name=~{_quoted(pattern)}}}", field)  # tells which one is wrong
    if not patterns:
        return set()
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    (matcher,) = _parsed(f"{{name=~{_quoted(joined)}}}", field)
    return {name for name in known if name and matcher.matches({"name": name})}


def _parsed(text: str, field: str) -> tuple[Matcher, ...]:
    try:
        return selectors.parse(text) if text.strip() else ()
    except SelectorError as error:
        raise RequestError(f"`{field}`: {error}", field=field) from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
