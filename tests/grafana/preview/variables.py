"""Dashboard variables of one or several values, and time ranges, filled in as Grafana does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin.commands.grafana.panel_queries import Model
from plugin.commands.grafana.panel_queries import time_range as opening_range
from plugin.commands.grafana.variables import (
    FORMATS,
    REFERENCE,
    Everything,
    escape_matched,
    escape_regex,
)

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
POINTS = 1200  # about the width of a panel
LEAST_STEP = 15  # seconds: the scrape interval that Grafana takes a Prometheus to have

Values = Mapping[str, Sequence[str]]  # of a variable: one value or several


@dataclass(frozen=True)
class Range:
    """Unix seconds."""

    begin: int
    end: int

    @property
    def step(self) -> int:
        """Seconds between the points of a query to Prometheus."""
        return max(LEAST_STEP, -(-(self.end - self.begin) // POINTS // 5) * 5)

    @property
    def values(self) -> dict[str, list[str]]:
        """The variables that Grafana and its data sources make of a range."""
        begin = self.begin * 1000
        end = self.end * 1000
        step = self.step
        made = {
            "__timeFrom": begin,
            "__timeTo": end,
            "__from": begin,
            "__to": end,
            "__interval": f"{step}s",
            "__interval_ms": step * 1000,
            "__range": f"{self.end - self.begin}s",
            "__range_s": self.end - self.begin,
            "__rate_interval": f"{max(step + LEAST_STEP, 4 * LEAST_STEP)}s",
        }
        return {name: [str(value)] for name, value in made.items()}


def seconds(text: str) -> int:
    """Of a duration such as 90s or 6h. Raises ValueError."""
    found = re.fullmatch(r"(\d+)([smhdw])", text)
    if not found:
        raise ValueError(f"`{text}` is no duration: write such as 90s, 6h or 2d")
    return int(found[1]) * SECONDS[found[2]]


def time_range(dashboard: Model, panel: Model, now: int, past: int | None) -> Range:
    """What a panel shows: its dashboard's range or its own; `past` replaces how far back, in
    seconds."""
    begin, end = opening_range(dashboard, now)
    if past is not None:
        begin = now - past
    if own := str(panel.get("timeFrom") or ""):
        begin = now - seconds(own.removeprefix("now-"))
        end = now
    if shift := str(panel.get("timeShift") or ""):  # into the past; with a minus, ahead
        back = seconds(shift.lstrip("-")) * (-1 if shift.startswith("-") else 1)
        begin = begin - back
        end = end - back
    return Range(begin, end)


def filled_in(text: str, values: Values, *, promql: bool = False) -> str:
    """The text with its variables replaced; those that are not known stay as they are."""

    def replaced(found: re.Match[str]) -> str:
        name = found[1] or found[3] or found[5]
        form = found[2] or found[4]
        if name not in values:
            return found[0]
        return written(values[name], form or ("promql" if promql else "glob"))

    return REFERENCE.sub(replaced, text)


def written(values: Sequence[str], form: str) -> str:
    """One or several values in one of Grafana's formats."""
    if len(values) == 1:
        if isinstance(values[0], Everything) and form != "percentencode":
            return values[0]
        return values[0] if form == "promql" else FORMATS.get(form, str)(values[0])
    if form in ("regex", "promql"):
        escaped = map(escape_regex if form == "regex" else escape_matched, values)
        return f"({'|'.join(escaped)})"
    if form in ("csv", "raw", "text"):
        return ",".join(values)
    return "|".join(values) if form == "pipe" else f"{{{','.join(values)}}}"
