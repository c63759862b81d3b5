"""A week after all false alarms were answered, on one made-up series whose every number is
known."""

from pathlib import Path

import numpy as np
import pytest

from plugin.errors import BandwatchError
from tests.benchmarks.feedback import DAY, Totals, main, measured, read

STEP = 300
DAYS = 14


def write(folder: Path, spikes: dict[int, float], incidents: dict[int, float]) -> tuple[Path, Path]:
    """A band of 0 ± 1; spikes and incidents by step, of that height, for two samples."""
    length = DAYS * DAY // STEP
    value = np.zeros(length)
    label = np.zeros(length, int)
    for at, height in {**spikes, **incidents}.items():
        value[at : at + 2] = height
    for at in incidents:
        label[at : at + 2] = 1
    times = STEP * np.arange(length)
    data = folder / "data"
    scores = folder / "scores"
    data.mkdir()
    scores.mkdir()
    rows = list(zip(times, value, label, strict=True))
    (data / "a.csv").write_text(
        "time,value,label\n" + "".join(f"{t},{v},{k}\n" for t, v, k in rows)
    )
    (scores / "a.csv").write_text(
        "time,value,expected,lower,upper,score\n"
        + "".join(f"{t},{v},0,-1,1,{abs(v)}\n" for t, v, _ in rows)
    )
    return data, scores


def test_what_follows_from_answers(tmp_path: Path) -> None:
    week = 7 * DAY // STEP
    spikes = {100: 2.0, 500: -1.5, week + 100: 1.9, week + 500: 3.0, week + 900: -1.9}
    data, scores = write(tmp_path, spikes, {week + 300: 1.8, week + 700: 5.0})
    assert measured(list(read(data, scores))) == Totals(1, 1, 2, 3, 2, 0, 2, 2, 1)
    assert measured(list(read(data, scores)), MAX_FACTOR=1.1) == Totals(1, 1, 2, 3, 3, 0, 2, 2, 2)
    assert measured(list(read(data, scores)), MAX_BRIEF_SAMPLES=1).next_after == 3


def test_a_series_with_nothing_to_answer_is_told_apart(tmp_path: Path) -> None:
    data, scores = write(tmp_path, {7 * DAY // STEP + 100: 2.0}, {})
    assert measured(list(read(data, scores))) == Totals(1, 0, 0, 0, 0, 1, 0, 0, 0)


def test_it_prints_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, scores = write(tmp_path, {100: 2.0}, {})
    monkeypatch.setattr("sys.argv", ["", str(data), str(scores), "--tried"])
    main()
    assert "1 pairs of weeks, 1 with a false alarm to answer" in (shown := capsys.readouterr().out)
    assert all(
        name in shown
        for name in ("as shipped", "bound 8", "longest remembered none", "half-life 56 d")
    )
    monkeypatch.setattr("sys.argv", ["", str(data), str(tmp_path)])
    with pytest.raises(BandwatchError):
        main()
