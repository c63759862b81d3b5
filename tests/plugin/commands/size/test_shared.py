"""What a number of series costs several workers and what they share."""

import json
from dataclasses import replace

import pytest

from plugin.cli import main
from plugin.commands.size.estimate import Estimate
from plugin.commands.size.shared_estimate import SharedEstimate
from plugin.commands.size.shared_report import as_lines
from plugin.commands.size.unit_costs import SHIPPED
from plugin.domain.times import DAY
from tests.plugin.commands.size.test_size import LOAD

MILLION = 1_000_000


def shared(workers: int = 12, **changes: object) -> SharedEstimate:
    load = replace(LOAD, **{"series": MILLION, **changes})  # type: ignore[arg-type]
    return SharedEstimate(Estimate(load, SHIPPED[load.detector]), workers)


def test_workers_share_the_ticks_and_nobody_shares_the_writes() -> None:
    few, many = shared(10), shared(20)
    assert many.worker.load.series == few.worker.load.series / 2 == MILLION / 20
    assert many.worker.tick_seconds < few.worker.tick_seconds
    assert many.write_share == few.write_share > 0
    assert many.rows_per_second == few.rows_per_second == pytest.approx(MILLION / 60)
    assert shared(step=300).write_share == pytest.approx(few.write_share / 5)


def test_it_says_what_breaks_first_and_what_does_not_keep_up() -> None:
    assert shared(step=300).limits[0].name == "writes of the database, which take turns"
    assert shared(1).limits[0].name == "ticks of a worker"
    assert not list(shared(10, step=300).shortfalls())
    [text] = shared(12, step=300).shortfalls()
    assert text.startswith("a watch has one worker: divide it into 12 `shards` or more")
    texts = list(shared(10, step=10).shortfalls())
    assert any(text.startswith("writes of the database") for text in texts)
    assert any(text.endswith("start more workers") for text in texts)


def test_refits_and_objects_of_a_day() -> None:
    made = shared()
    assert made.fit_hours_per_day == pytest.approx(made.alone.refit_seconds / 3600)
    assert made.stacks_per_day == pytest.approx(MILLION / made.alone.workers.stack)
    assert made.alone.watch.fit_every == DAY


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["size", "--series", str(MILLION), "--step", "5m", "--workers", "10"]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == list(as_lines(shared(10, step=300)))
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["workers"] == found["watches"] == 10 and found["worker_series"] == 100_000
