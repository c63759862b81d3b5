import io
import subprocess
from pathlib import Path

import numpy as np
import pytest

from plugin.commands.demo.openmetrics import BLOCK_SECONDS, create_blocks, pieces, write_openmetrics
from plugin.series import Labels, Series
from tests.servers import binary


def series(times: list[int], values: list[float], **labels: str) -> Series:
    return Series(Labels.of(labels), np.array(times, np.int64), np.array(values, float))


def test_one_line_per_sample_with_exact_numbers_and_escapes() -> None:
    out = io.StringIO()
    write_openmetrics(
        [
            series([60, 120], [0.1, 1e300], __name__="a"),
            series([60], [np.nan], __name__="b", text='"\\\n'),
        ],
        out,
    )
    assert out.getvalue() == 'a{} 0.1 60\na{} 1e+300 120\nb{text="\\"\\\\\\n"} nan 60\n# EOF\n'


def test_pieces_end_where_blocks_do() -> None:
    one = series([BLOCK_SECONDS - 1, BLOCK_SECONDS, 5 * BLOCK_SECONDS], [1, 2, 3], __name__="one")
    two = series([BLOCK_SECONDS + 60], [4], __name__="two")
    cut = [
        [(str(part.labels), part.values.tolist()) for part in piece] for piece in pieces([one, two])
    ]
    assert cut == [[("one{}", [1])], [("one{}", [2]), ("two{}", [4])], [("one{}", [3])]]


def test_each_piece_becomes_one_block(tmp_path: Path) -> None:
    create_blocks(
        tmp_path,
        [series([BLOCK_SECONDS - 60, BLOCK_SECONDS], [1, np.inf], __name__="one")],
        promtool=binary("promtool"),
    )
    blocks = [path for path in tmp_path.iterdir() if (path / "meta.json").exists()]
    (tmp_path / "wal").mkdir()  # promtool will not read a folder without one
    dump = subprocess.run(
        [binary("promtool"), "tsdb", "dump", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert len(blocks) == 2
    assert sorted(dump.splitlines()) == [
        f'{{__name__="one"}} +Inf {BLOCK_SECONDS}000',
        f'{{__name__="one"}} 1 {BLOCK_SECONDS - 60}000',
    ]


def test_what_promtool_says_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(
        RuntimeError, match="promtool could not make blocks of the history: .*invalid syntax"
    ):
        create_blocks(
            tmp_path, [series([60], [1], __name__="not a name")], promtool=binary("promtool")
        )
