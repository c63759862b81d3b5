"""The real Prometheus of the demo: its history, and what is said when it cannot start."""

import os
import stat
import time
from pathlib import Path

import pytest

from plugin.commands.demo.exporter import serve_exporter
from plugin.commands.demo.servers import (
    COARSE_STEPS,
    FINE_SECONDS,
    load_history,
    prometheus,
    spans_of,
)
from plugin.commands.demo.settings import BACKFILL, FIT_WINDOW, SALES_BACKFILL, SALES_STEP, STEP
from plugin.commands.demo.world import HISTORY, World
from plugin.domain.times import WEEK
from plugin.errors import BandwatchError


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(stat.S_IRWXU)


def test_history_is_cut_into_spans_without_a_hole() -> None:
    spans = spans_of(5, 605, 10)
    assert [time for start, end, step in spans for time in range(start, end, step)] == list(
        range(10, 605, 10)
    )
    assert len(spans) == 6
    assert spans_of(100, 100, 10) == []


def test_fits_at_the_step_of_the_scrapes_look_at_the_fine_part_of_the_history_only() -> None:
    assert FIT_WINDOW + BACKFILL <= FINE_SECONDS


def test_the_sales_are_watched_at_a_step_that_all_of_the_history_has() -> None:
    assert SALES_STEP >= COARSE_STEPS * STEP
    assert 2 * WEEK + SALES_BACKFILL <= HISTORY, "two weeks teach weekends"


def test_far_back_the_history_is_coarse(tmp_path: Path) -> None:
    step = 600
    coarse = 24 * 3600
    samples = load_history(
        World(1, int(time.time()) // step * step), tmp_path, step, FINE_SECONDS + coarse
    )
    gap = 9 * 3600 // step
    until_today = 1 + coarse // (COARSE_STEPS * step) + FINE_SECONDS // step
    assert samples >= 30 * (until_today - 1) - gap  # and what has passed since `now`
    assert any((block / "meta.json").exists() for block in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("promtool", "complaint"),
    [
        (
            "echo no disk left >&2; exit 1",
            "promtool could not make blocks of the history: no disk left",
        ),
        ("exit 0", "the Prometheus of the demo did not start: who took my port"),
    ],
)
def test_what_went_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promtool: str, complaint: str
) -> None:
    program(tmp_path, "promtool", promtool)
    program(tmp_path, "prometheus", "echo who took my port; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    world = World(1, int(time.time()))
    exporter = serve_exporter(world)
    try:
        with (
            pytest.raises(BandwatchError, match=complaint),
            prometheus(world, exporter, tmp_path, step=3600, bandwatch="127.0.0.1:9", history=7200),
        ):
            pass
    finally:
        exporter.close()
