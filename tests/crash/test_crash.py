"""A service is killed twenty times, on top of all that goes wrong: nothing is lost, and it goes on.
`make crash` kills it a hundred times."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from plugin.series import Labels
from plugin.store import Store
from tests.crash.evidence import Evidence, evidence
from tests.crash.faults import DAMAGES, FAULTS
from tests.crash.plan import BEGIN, HISTORY, NAME, STEP, values_at
from tests.crash.workers import PHASES
from tests.plugin.store.build import tick

ROOT = Path(__file__).parent.parent.parent
KILLS = 20


def test_twenty_kills() -> None:
    """In a process of its own: the services are forked, and no thread of others may run then."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--kills", str(KILLS)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^\| (.+?) \| (\d+) \|", done.stdout, re.MULTILINE))
    assert rows.keys() == {*FAULTS, *DAMAGES, *(f"fit: {phase}" for phase in PHASES)}
    assert f"{KILLS} kills, " in done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with ten judged minutes of one service, all of them true."""
    store = Store.open(tmp_path)
    labels = Labels.of({"service": "quiet"})
    ids = np.array([record.id for record in store.series.register(NAME, [labels], 0)])
    times = BEGIN - HISTORY + STEP * np.arange(1, 11)
    values = values_at("quiet", times)[None]
    store.write([tick(ids, times, values, watch=NAME)], "q", (0, 0))
    store.close()
    return tmp_path


def test_what_is_there_is_found(folder: Path) -> None:
    until = BEGIN - HISTORY + 10 * STEP
    first = evidence(folder, Evidence(), until)
    assert first.rows == 10
    assert evidence(folder, first, until) == first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM samples WHERE time = (SELECT max(time) FROM samples)", "holes at"),
        ("UPDATE samples SET value = value + 1 WHERE time % 180 = 0", "not equal"),
        ("UPDATE samples SET upper = upper + 1 WHERE time % 180 = 0", "lost or changed"),
        ("UPDATE samples SET time = time + 1", "off the grid"),
    ],
)
def test_what_is_lost_or_wrong_is_found(folder: Path, change: str, words: str) -> None:
    until = BEGIN - HISTORY + 10 * STEP
    first = evidence(folder, Evidence(), until)
    with closing(sqlite3.connect(folder / "bandwatch.db")) as database:
        assert database.execute(change).rowcount
        database.commit()
    with pytest.raises(AssertionError, match=words):
        evidence(folder, first, until)
