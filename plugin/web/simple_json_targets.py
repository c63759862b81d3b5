"""Which series a target of the older JSON protocol stands for. Pure.

A target is a name, perhaps with a selector over the columns of the rows:
`score{watch="web",instance="a:9100"}`. Grafana writes variables into it as regular expressions, so
a name that does not exist is read as a regular expression.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from plugin import selectors
from plugin.config import Watch
from plugin.errors import RequestError, SelectorError
from plugin.nearest_name import nearest
from plugin.selectors import Matcher, select
from plugin.series import Labels, SeriesRecord
from plugin.web.request_bodies import FilterBody, SeriesSelection
from plugin.web.rows import label_columns

LEGEND = "{{watch}} {{series}} {{field}}"


@dataclass(frozen=True)
class TargetCandidate:
    """A series under the columns of its rows, or a watch alone, which may have no series yet."""

    columns: Mapping[str, str]  # `watch`, `series`, labels, the labels of the watch
    record: SeriesRecord | None

    @property
    def labels(self) -> Labels:
        return self.record.labels if self.record is not None else Labels(())


def candidates(
    records: Iterable[SeriesRecord], watches: Mapping[str, Watch]
) -> list[TargetCandidate]:
    """All that can be selected: each watch, and each series."""
    labels_of = {name: watch.own_labels for name, watch in watches.items()}
    watches_alone = [
        TargetCandidate({"watch": name, "series": "", **label_columns(Labels(()), labels)}, None)
        for name, labels in labels_of.items()
    ]
    return watches_alone + [
        TargetCandidate(
            {
                "watch": record.watch,
                "series": str(record.labels),
                **label_columns(record.labels, labels_of.get(record.watch, {})),
            },
            record,
        )
        for record in records
    ]


def read_target(text: str, field: str) -> tuple[str, tuple[Matcher, ...]]:
    """The name of a target ("" = none), and its conditions on columns. Raises RequestError."""
    matchers = _parsed(text, field)
    has_name = bool(matchers) and not text.lstrip().startswith("{")
    return (matchers[0].value, matchers[1:]) if has_name else ("", matchers)


def read_filters(filters: Sequence[FilterBody]) -> tuple[Matcher, ...]:
    """Ad hoc filters as conditions on columns. Raises RequestError."""
    return tuple(
        matcher
        for number, condition in enumerate(filters)
        for matcher in _parsed(
            f"{{{_quoted(condition.key)}{condition.operator}{_quoted(condition.value)}}}",
            f"adhocFilters[{number}]",
        )
    )


def selected(
    available: Sequence[TargetCandidate],
    choice: SeriesSelection | str | None,
    conditions: tuple[Matcher, ...],
    field: str,
) -> list[TargetCandidate]:
    """The candidates that a payload and conditions on columns choose.

    field: of the payload. Raises RequestError when it cannot be read or names a watch that does not
    exist.
    """
    selection = available
    if isinstance(choice, SeriesSelection):
        match = _parsed(choice.match or "", f"{field}.match")
        for column, texts in (("watch", choice.watch), ("series", choice.series)):
            known_names = {candidate.columns[column] for candidate in selection}
            names = _names(texts, known_names, f"{field}.{column}")
            if names is not None:
                selection = [item for item in selection if item.columns[column] in names]
        selection = [item for item in selection if select(match, item.labels)]
    return [item for item in selection if select(conditions, item.columns)]


def legend(template: str | None, columns: Mapping[str, str], name: str) -> str:
    """What a line is called: `{{column}}` stands for its value, `{{field}}` for the name of the
    target."""
    values = {**columns, "field": name}
    return re.sub(
        r"\{\{\s*([^{}\s]+)\s*\}\}", lambda column: values.get(column[1], ""), template or LEGEND
    )


def _names(
    choice: str | list[str] | None, known_names: Collection[str], field: str
) -> set[str] | None:
    """The known names that are chosen by name or by a regular expression; None = no condition."""
    texts = [text for text in ([choice] if isinstance(choice, str) else choice or []) if text]
    if not texts:
        return None
    names = set(texts) & set(known_names)
    patterns = [text for text in dict.fromkeys(texts) if text not in names]
    if field.endswith(".watch"):
        for text in patterns:
            if not _matching([text], known_names, field):
                raise RequestError(
                    f"there is no watch `{text}`{nearest(text, known_names)}; "
                    f"valid: {', '.join(sorted(known_names))}",
                    field=field,
                    status=404,
                    code="unknown_watch",
                )
    return names | _matching(patterns, known_names, field)


def _matching(patterns: Sequence[str], known_names: Collection[str], field: str) -> set[str]:
    """The names that one of the expressions matches. The expressions are joined into one, because
    there may be many of both."""
    for pattern in patterns:
        _parsed(f"{{name=~{_quoted(pattern)}}}", field)  # an error names the wrong one
    if not patterns:
        return set()
    alternatives = "|".join(f"(?:{pattern})" for pattern in patterns)
    (matcher,) = _parsed(f"{{name=~{_quoted(alternatives)}}}", field)
    return {name for name in known_names if name and matcher.matches({"name": name})}


def _parsed(text: str, field: str) -> tuple[Matcher, ...]:
    try:
        return selectors.parse(text) if text.strip() else ()
    except SelectorError as error:
        raise RequestError(f"`{field}`: {error}", field=field) from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
