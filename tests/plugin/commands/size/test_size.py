"""What a number of series costs: the estimate, what does not keep up, the command, and a real
measurement."""

import json
from dataclasses import fields, replace

import pytest

from plugin.cli import main
from plugin.commands.size import measurement
from plugin.commands.size.estimate import Estimate, Load
from plugin.commands.size.size_report import HEADING_CHARACTERS, as_json, as_lines, size_text
from plugin.commands.size.unit_costs import SHIPPED
from plugin.domain.times import DAY

LOAD = Load(series=10_000, step=60, retention=90 * DAY, detector="auto", cores=2, memory_bytes=16e9)


def estimate(**changes: object) -> Estimate:
    load = replace(LOAD, **changes)  # type: ignore[arg-type]
    return Estimate(load, SHIPPED[load.detector])


def test_disk_and_memory_grow_with_the_series_and_the_samples() -> None:
    one = estimate()
    two = estimate(series=20_000)
    assert two.bytes_per_day == 2 * one.bytes_per_day
    assert estimate(step=15).bytes_per_day == 4 * one.bytes_per_day
    assert one.service_bytes < two.service_bytes < 2 * one.service_bytes
    assert one.disk_bytes > 90 * one.bytes_per_day
    assert estimate(retention=30 * DAY).disk_bytes < one.disk_bytes / 2
    assert estimate(detector="baseline").service_bytes < one.service_bytes


def test_what_two_cores_carry_keeps_up() -> None:
    assert not list(estimate().shortfalls())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"series": 100_000, "step": 1}, "ticks: each takes"),
        ({"series": 400_000}, "one watch has at most 100,000 series"),
        ({"series": 400_000}, "an answer of Prometheus exceeds 64 MiB"),
        ({"series": 3_000_000}, "refits: all take"),
        ({"series": 1_500_000}, "first fits: the last series"),
        ({"series": 10_000, "memory_bytes": 0.5e9}, "memory: "),
        ({"series": 100_000, "step": 1}, "processor: "),
    ],
)
def test_it_says_what_does_not_keep_up(changes: dict[str, object], word: str) -> None:
    assert any(text.startswith(word) for text in estimate(**changes).shortfalls())


def test_the_lines_name_each_part_once() -> None:
    headings = [line[:HEADING_CHARACTERS].strip() for line in as_lines(estimate())][1:]
    assert headings == ["processor", "memory", "disk", "Prometheus", "first fits", ""]


def test_the_command_prints_an_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "--series", "10000", "--step", "5m", "--retention", "30d"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("10,000 series every 5m, kept for 30d, detector auto; measured on ")
    assert main(["size", "--series", "10000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(as_json(estimate(detector="auto"))) | {
        "shortfalls": []
    }
    assert main(["size", "--series", "900000", "--step", "1s"]) == 1


@pytest.mark.parametrize(
    ("detector", "words"),
    [("lstm", "no figures are shipped for it"), ("lstn", "did you mean `lstm`?")],
)
def test_a_detector_without_figures_is_told(
    detector: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", "--series", "10", "--detector", detector]) == 1
    assert words in capsys.readouterr().err


def test_a_measurement_fits_ticks_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "SIZES", (20, 60))
    load = replace(LOAD, step=3600, detector="baseline")
    costs = measurement.measure(load, "here")
    assert costs.machine == "here"
    numbers = [getattr(costs, field.name) for field in fields(costs) if field.name != "machine"]
    assert all(number >= 0 for number in numbers)
    assert costs.fit_seconds > 0 and costs.history_seconds > 0
    assert 4_000 < costs.scoring_bytes <= costs.model_bytes < 7_000
    assert Estimate(load, costs).busy_cores > 0


@pytest.mark.parametrize(
    ("number", "text"),
    [(5e8, "500 MB"), (1.5e9, "1.5 GB"), (9.99e11, "999 GB"), (1.15e12, "1.15 TB")],
)
def test_sizes_are_short(number: float, text: str) -> None:
    assert size_text(number) == text
