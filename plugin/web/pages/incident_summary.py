"""An incident as Markdown, for a ticket or a chat. Pure."""

import re
from collections.abc import Iterator, Sequence

from plugin.domain.times import duration, instant
from plugin.web.incident_details import IncidentDetails, IncidentMember

MAX_MEMBERS = 20  # series that are named
MARKUP_CHARACTER = re.compile(r"([\\`*<>\[\]|])")


def markdown_summary(
    details: IncidentDetails,
    members: Sequence[IncidentMember],
    *,
    answers: Sequence[str],
    changes: str,
    url: str,
) -> str:
    """members: one for each series, in the order in which they moved. answers: in words. changes:
    what was changed when it began, "" = nothing. url: of the page, "" = not known."""
    return "\n".join(_lines(details, members, answers, changes, url)) + "\n"


def _lines(
    details: IncidentDetails,
    members: Sequence[IncidentMember],
    answers: Sequence[str],
    changes: str,
    url: str,
) -> Iterator[str]:
    yield f"## {_plain(details.title)}"
    yield ""
    length = duration(details.end - details.start) if details.end > details.start else "one sample"
    yield f"* Incident {code(details.incident.id)}, {details.state}"
    yield f"* First outside at {instant(details.start)}, last at {instant(details.end)} ({length})"
    if details.incident.size == 1:
        yield f"* {_plain(details.text)}"
    if changes:
        yield f"* It {_plain(changes)}"
    if details.incident.size > 1:
        yield "* Series in the order in which they moved:"
        for member in members[:MAX_MEMBERS]:
            yield (
                f"  {member.rank}. {code(str(member.record.labels))}"
                f" ({_plain(member.record.watch)}): {_plain(member.text)}"
            )
        if len(members) > MAX_MEMBERS:
            yield f"  {MAX_MEMBERS + 1}. and {len(members) - MAX_MEMBERS} more"
    for answer in answers:
        yield f"* Answer: {_plain(answer)}"
    if url:
        yield f"* {url}"


def code(text: str) -> str:
    """As a code span, whatever backticks are in it."""
    runs = re.findall("`+", text)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    space = " " if runs else ""
    return f"{fence}{space}{text}{space}{fence}"


def _plain(text: str) -> str:
    """As text that no Markdown reader takes for anything else."""
    return MARKUP_CHARACTER.sub(r"\\\1", text)
