"""The table among peers: what is read, how scores meet labels, how a failure shows, how forecasts
are compared."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plugin.commands.backtest.source import Recording, recorded
from plugin.commands.backtest.walk import lanes
from plugin.errors import BandwatchError
from tests.benchmarks.quality import forecast, ours, peers, report, run
from tests.benchmarks.quality.__main__ import main
from tests.benchmarks.quality.data import DAY, FloatArray, Series, read, spread

NAN = np.nan
STEP = 3600


def recording(values: FloatArray, name: str = "a", start: int = 0, **columns: object) -> Recording:
    times = start + STEP * np.arange(len(values))
    extra = pd.DataFrame({"label": np.zeros(len(values), int), **columns})
    return recorded(name, STEP, times, np.asarray(values, np.float64), extra)


def daily(days: int, seed: int = 0) -> FloatArray:
    hours = np.arange(24 * days)
    noise = np.random.default_rng(seed).normal(size=len(hours))
    values: FloatArray = 10 + 3 * np.sin(2 * np.pi * hours / 24) + 0.1 * noise
    return values


def write(folder: Path, name: str, columns: str, values: FloatArray) -> None:
    rows = [
        f"{STEP * at},{value:.6f}" + ",0" * (columns.count(",") - 1)
        for at, value in enumerate(values)
    ]
    (folder / f"{name}.csv").write_text("\n".join([columns, *rows, ""]))


def test_items_are_spread_over_all() -> None:
    assert spread(range(10), 4) == [0, 2, 5, 7] and spread("abc", 0) == ["a", "b", "c"] == spread(
        "abc", 5
    )


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", "time,value,label", daily(1))
    write(tmp_path, "b", "time,value", daily(1))
    assert [each.name for each in read(tmp_path, "a*", 0)] == ["a"]
    with pytest.raises(BandwatchError, match="no series matches 'c'"):
        read(tmp_path, "c", 0)
    with pytest.raises(BandwatchError, match="b has no column label"):
        read(tmp_path, "*", 0)


def test_scores_meet_the_labels_of_the_judged_half() -> None:
    values = np.array([1.0, 2, 3, 4, NAN, 6, 7])
    made = recording(
        values, label=[0, 0, 1, 0, 0, 1, -1], kind=["", "", "dip", "", "", "shift", ""]
    )
    judged = run.judged(made, np.arange(7.0))
    assert judged.score.tolist() == [4, 5, 6] and judged.label.tolist() == [0, 1, -1]
    assert judged.observed.tolist() == [False, True, True] and judged.kind is not None
    assert judged.kind.tolist() == ["", "shift", ""] and judged.step == STEP
    assert run.judged(recording(values), np.arange(7.0)).kind is None


def test_a_failure_is_a_part_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.PEERS, "broken", ("broken", "smoothing", "nothing"))
    part = run._part(("broken", Series("a", 0, STEP, np.full(10, 5.0), 5)))
    assert part.names == ("a",) and "has no attribute 'nothing'" in part.error and not part.scores


def test_rows_come_in_the_order_asked_for_with_every_series() -> None:
    pair = [recording(daily(12), "a"), recording(daily(10, 1), "b", start=7 * DAY)]
    seen: list[float] = []
    found = run.rows(pair, ["baseline", "ewma", "mad"], 1, seen.append)
    assert (
        [row.name for row in found] == ["baseline", "ewma", "mad"]
        and seen == sorted(seen)
        and seen[-1] == 1
    )
    for row in found:
        assert sorted(row.scores) == ["a", "b"] and not row.failed and row.bytes
        assert row.quality(pair).own.events.incidents == 0


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["bench", str(tmp_path), "--only", "ewma,profet"])
    with pytest.raises(
        SystemExit, match="unknown name 'profet'; valid is any of: ewma, .*baseline"
    ):
        main()


def test_a_failed_series_counts_as_missed_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    label = np.zeros(96, int)
    label[[60, 80]] = 1
    pair = [recording(daily(4), name, label=label) for name in ("a", "b")]
    row = run.Row("ewma", {"a": np.where(label == 1, 2.0, 0.5)}, 4.0, [16], {"b": "ValueError: no"})
    quality = row.quality(pair)
    assert (quality.own.events.incidents, quality.own.events.caught) == (4, 2)
    report.show("made", pair, [row], kinds=False)
    printed = capsys.readouterr().out
    assert (
        "EWMA, 3 sigma: failed on 1 series (b): ValueError: no; their incidents count as missed"
        in printed
    )
    cells = (
        next(line for line in printed.splitlines() if line.startswith("│ EWMA"))
        .replace(" ", "")
        .split("│")
    )
    assert cells[2:4] == ["2", "1"] and cells[8] == "0.50" and cells[-3:-1] == ["4.000", "16"]


def test_our_rows_are_those_of_a_backtest() -> None:
    pair = [recording(daily(12), "a"), recording(daily(10, 1), "b", start=7 * DAY)]
    scores, size, refused = ours.walked(lanes(pair, "UTC", 24)[0], "baseline")
    for each, score in zip(pair, scores, strict=True):
        split = Series.of(each).split
        assert score.shape == each.values.shape
        assert np.isnan(score[:split]).all() and np.isfinite(score[split:]).all()
    assert 0 < size < 32_000 and refused == 0


def test_origins_begin_at_a_midnight_and_leave_room() -> None:
    series = Series(
        "a", 5 * STEP, STEP, np.zeros(24 * 8), 24 * 4
    )  # midnights at 19, 43, 67, 91, ...
    at = forecast.origins(series)
    assert (
        at[0] == 91 and set(np.diff(at)) == {6} and at[-1] == 187
    )  # of 192 samples; two hours must follow
    assert (series.times[at] % forecast.EVERY == 0).all()
    assert len(forecast.origins(Series("a", 0, STEP, np.zeros(6), 3))) == 0


def test_naive_forecasts_repeat_what_was() -> None:
    series = Series("a", 0, STEP, np.arange(24.0 * 8), 24 * 4)
    at = forecast.origins(series)
    naive = forecast.seasonal_naive(series)
    last = forecast.last_value(series)
    assert naive.shape == last.shape == (len(at), 2, 3)
    assert (
        naive[0, :, 1].tolist() == [at[0] - 24, at[0] - 23]
        and last[0, :, 1].tolist() == [at[0] - 1] * 2
    )
    month = Series("a", 0, STEP, np.arange(24.0 * 30), 24 * 15)
    assert forecast.seasonal_naive(month)[0, 0, 1] == forecast.origins(month)[0] - 24 * 7


def test_lines_are_widened_to_leave_a_tenth_outside() -> None:
    past = np.linspace(-10, 10, 2001)[:, None]
    lines = np.broadcast_to(np.array([-2.0, 0.0, 1.0]), (2001, 1, 3))
    np.testing.assert_allclose(forecast.widened(lines, past)[0, 0], [-8, 0, 8])


def test_ours_forecasts_at_every_origin_and_errors_are_in_naive_ones() -> None:
    label = np.zeros(24 * 12, int)
    label[200:204] = 1
    values = daily(12)
    values[200:204] = 1e6  # an incident: neither a target nor, a day later, a reference that counts
    pair = [recording(values, "a", label=label), recording(daily(10, 1), "b", start=7 * DAY)]
    lines = forecast._ours(lanes(pair, "UTC", 24)[0], "baseline")
    assert all(
        np.isfinite(lines[each.name]).all()
        and len(lines[each.name]) == len(forecast.origins(Series.of(each)))
        for each in pair
    )
    naive = forecast.seasonal_naive(Series.of(pair[1]))
    errors = forecast.judged(pair[1], {"naive": naive, "baseline": lines["b"]})
    nothing = np.full(naive.shape, NAN)
    assert errors == forecast.judged(
        pair[1], {"naive": naive, "baseline": lines["b"], "silent": nothing}
    )
    assert forecast.judged(pair[1], {"naive": nothing, "baseline": lines["b"]}) == {}
    assert (
        errors["naive"].mase == 1
        and errors["baseline"].mase < 1.5
        and errors["baseline"].pinball > 0
    )
