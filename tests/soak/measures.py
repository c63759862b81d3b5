"""What a simulated day has cost, and whether it grows."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
GROWTH = 1.05  # of what must be flat
SPARE_HANDLES = 2  # descriptors and threads that may come and go
LOG_BYTES = 64 * KIB  # of one day


@dataclass(frozen=True)
class Day:
    """One row of the table, taken at the end of a simulated day."""

    number: int  # from 1
    memory: int  # bytes of the service
    worker_memory: int  # bytes of the workers
    descriptors: int
    threads: int
    disk: int  # bytes of the store
    log: int  # bytes that were logged on this day
    rows: int  # samples that were scored on this day
    seconds: float  # that the day took


def own_bytes(pid: int) -> int:
    """Memory of a process without the files that it maps (libraries); 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(sizes[0]) * KIB if sizes else 0


def descriptor_count() -> int:
    return len(os.listdir("/proc/self/fd"))


def thread_count() -> int:
    return threading.active_count()


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def growths(days: Sequence[Day], retention_days: int) -> Iterator[str]:
    """What is not as promised, in words."""
    if len(days) < 2:
        yield "fewer than two days: nothing is known"
        return
    first = days[0]
    later = days[1:]
    yield from _grown("memory of the service", first.memory, [day.memory for day in later])
    yield from _grown(
        "memory of the workers", first.worker_memory, [d.worker_memory for d in later]
    )
    for name in ("descriptors", "threads"):
        counts = [getattr(day, name) for day in later]
        if max(counts) > getattr(first, name) + SPARE_HANDLES:
            yield f"{name}: {getattr(first, name)} after the first day, {max(counts)} later"
    full = days[retention_days:]  # the store holds as many days as it keeps
    yield from _grown("disk", full[0].disk if full else 0, [day.disk for day in full[1:]])
    for day in days:
        if day.log > LOG_BYTES:
            yield f"log: {day.log:,} bytes on day {day.number}, at most {LOG_BYTES:,} are promised"
        if not day.rows:
            yield f"day {day.number}: nothing was scored"


def _grown(name: str, first: int, later: Sequence[int]) -> Iterator[str]:
    worst = max(later, default=0)
    if worst > GROWTH * first:
        yield f"{name}: {first / KIB:,.0f} KiB at first, {worst / KIB:,.0f} KiB later"


def table(days: Sequence[Day]) -> str:
    """Markdown, one row per day."""
    names = "day", "memory (MB)", "workers (MB)", "descriptors", "threads", "disk (MB)", "log (kB)"
    head = " | ".join((*names, "rows", "seconds"))
    lines = [f"| {head} |", "|" + "---:|" * (len(names) + 2)]
    lines += [row(day) for day in days]
    return "\n".join(lines)


def row(day: Day) -> str:
    cells = (
        f"{day.number}",
        f"{day.memory / 1e6:.1f}",
        f"{day.worker_memory / 1e6:.1f}",
        f"{day.descriptors}",
        f"{day.threads}",
        f"{day.disk / 1e6:.2f}",
        f"{day.log / 1e3:.1f}",
        f"{day.rows:,}",
        f"{day.seconds:.0f}",
    )
    return "| " + " | ".join(cells) + " |"
