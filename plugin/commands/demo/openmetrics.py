"""History for a Prometheus: samples as OpenMetrics text, and its blocks made by promtool."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np

from plugin.series import Labels, Series

# promtool reads its whole input once for each block that it writes. So the text is cut at the
# borders of the
# largest blocks that Prometheus makes itself (2 h times a power of 3), and each piece is read for
# one block.
BLOCK = 486 * 3600


def create_blocks(data_dir: Path, series: Sequence[Series], *, promtool: str = "promtool") -> None:
    """Writes the samples into the data folder of a Prometheus, which finds them at its start or
    soon after.

    Raises RuntimeError with what promtool said.
    """
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "history.txt"
        for piece in pieces(series):
            with text.open("w", encoding="utf-8") as out:
                write_openmetrics(piece, out)
            done = subprocess.run(
                [
                    promtool,
                    "tsdb",
                    "create-blocks-from",
                    f"--max-block-duration={BLOCK // 3600}h",
                    "--quiet",
                    "openmetrics",
                    str(text),
                    str(data_dir),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(
                    f"promtool could not make blocks of the history: {done.stderr.strip()}"
                )


def write_openmetrics(series: Sequence[Series], out: TextIO) -> None:
    """One line per sample, series after series. Every series needs a `__name__`."""
    for one in series:
        name = exposed_name(one.labels)
        out.writelines(
            f"{name} {value!r} {time}\n"
            for time, value in zip(one.times.tolist(), one.values.tolist(), strict=True)
        )
    out.write("# EOF\n")


def exposed_name(labels: Labels) -> str:
    """`name{label="value",...}` with the three escapes of the exposition format."""
    pairs = ",".join(
        f'{name}="{escaped(value)}"' for name, value in labels.pairs if name != "__name__"
    )
    return f"{labels['__name__']}{{{pairs}}}"


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def pieces(series: Sequence[Series]) -> Iterator[list[Series]]:
    """The samples of each block, blocks in the order of time."""
    blocks = {int(block) for one in series for block in np.unique(one.times // BLOCK)}
    for block in sorted(blocks):
        piece = []
        for one in series:
            begin, end = np.searchsorted(one.times, [block * BLOCK, (block + 1) * BLOCK])
            if begin < end:
                piece.append(replace(one, times=one.times[begin:end], values=one.values[begin:end]))
        yield piece
