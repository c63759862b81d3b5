"""Whether one process can keep up with the ticks of a watch."""

from collections.abc import Iterator

from plugin.commands.check.quantities import rounded_duration
from plugin.commands.size.estimate import ROOM_SHARE
from plugin.commands.size.unit_costs import ANSWER_BYTES, SHIPPED
from plugin.prometheus.transport import MAX_BYTES

REMEDY = "divide it by `shards` among workers"


def tick_findings(series: int, step: int) -> Iterator[tuple[str, str]]:
    """Headings and texts; nothing where there is room. series: of the watch. step: seconds."""
    seconds = SHIPPED["auto"].seconds_per_tick(series)  # the same with every detector
    if seconds > ROOM_SHARE * step:
        yield (
            "warning",
            f"a tick of {series:,} series takes about {rounded_duration(seconds)} of a core, more"
            f" than half of its step of {rounded_duration(step)}: {REMEDY}, or use a larger `step`",
        )
    if series * ANSWER_BYTES > MAX_BYTES / 2:
        yield (
            "warning",
            f"an answer of {series:,} series is about {series * ANSWER_BYTES >> 20} MiB, and more"
            f" than {MAX_BYTES >> 20} MiB is refused: {REMEDY}",
        )
