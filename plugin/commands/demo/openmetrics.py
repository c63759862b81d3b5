"""History for a Prometheus: samples as OpenMetrics text, and its blocks made by promtool."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np

from plugin.domain.times import HOUR
from plugin.exposition import label_text
from plugin.series import Labels, Series

# promtool reads its whole input once for each block that it writes. So the text is cut at the
# borders of the largest blocks that Prometheus makes itself (2 h times a power of 3), and each
# piece
# is read for one block.
BLOCK_HOURS = 486
BLOCK_SECONDS = BLOCK_HOURS * HOUR


def create_blocks(data_dir: Path, samples: Sequence[Series], *, promtool: str = "promtool") -> None:
    """Writes the samples into the data folder of a Prometheus, which finds them when it starts or
    soon after.

    Raises RuntimeError with the message of promtool.
    """
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "history.txt"
        for piece in pieces(samples):
            with text.open("w", encoding="utf-8") as out:
                write_openmetrics(piece, out)
            process = subprocess.run(
                [
                    promtool,
                    "tsdb",
                    "create-blocks-from",
                    f"--max-block-duration={BLOCK_HOURS}h",
                    "--quiet",
                    "openmetrics",
                    str(text),
                    str(data_dir),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if process.returncode:
                raise RuntimeError(
                    f"promtool could not make blocks of the history: {process.stderr.strip()}"
                )


def write_openmetrics(samples: Sequence[Series], out: TextIO) -> None:
    """One line per sample, series after series. Every series needs a `__name__`."""
    for series in samples:
        name = exposed_name(series.labels)
        out.writelines(
            f"{name} {value!r} {time}\n"
            for time, value in zip(series.times.tolist(), series.values.tolist(), strict=True)
        )
    out.write("# EOF\n")


def exposed_name(labels: Labels) -> str:
    """`name{label="value",...}` as the exposition format has it."""
    pairs = label_text(pair for pair in labels.pairs if pair[0] != "__name__")
    return f"{labels['__name__']}{{{pairs}}}"


def pieces(samples: Sequence[Series]) -> Iterator[list[Series]]:
    """The samples of each block, blocks in the order of time."""
    blocks = {
        int(block) for series in samples for block in np.unique(series.times // BLOCK_SECONDS)
    }
    for block in sorted(blocks):
        edges = [block * BLOCK_SECONDS, (block + 1) * BLOCK_SECONDS]
        piece = []
        for series in samples:
            start, end = np.searchsorted(series.times, edges)
            if start < end:
                piece.append(
                    replace(series, times=series.times[start:end], values=series.values[start:end])
                )
        yield piece
