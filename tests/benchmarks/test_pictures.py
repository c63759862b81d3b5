"""The pictures of the documentation, with a sample every quarter of an hour."""

from pathlib import Path

import numpy as np
import pytest

from detectors.baseline import Baseline
from tests.benchmarks import policy_pictures
from tests.benchmarks.pictures import FOLDER, INCIDENTS, ODD, sheet
from tests.benchmarks.policy_pictures import flagged
from tests.benchmarks.situation_pictures import SCENES, situations
from tests.odd_series import Grid, judged, troubled


def test_both_sheets_are_drawn(tmp_path: Path) -> None:
    grid = Grid(900)
    series = judged(Baseline(), grid, troubled(grid))
    for scenes in (ODD, INCIDENTS):
        sheet(tmp_path / "sheet.png", scenes, series)
        assert (tmp_path / "sheet.png").stat().st_size > 20_000


def test_the_situations_are_drawn(tmp_path: Path) -> None:
    sheet(tmp_path / "sheet.png", SCENES, situations())
    assert (tmp_path / "sheet.png").stat().st_size > 20_000


def test_the_policies_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy_pictures.main(tmp_path)
    drawn = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert drawn.keys() == {path.name for path in FOLDER.glob("policy-*.png")} and len(drawn) == 6
    assert capsys.readouterr().out.count("policy-") == 6
    text = (FOLDER.parent / "configuration.md").read_text(encoding="utf-8")
    for name in drawn:
        assert 15_000 < drawn[name] < 60_000 and 15_000 < (FOLDER / name).stat().st_size < 60_000
        assert f"](pictures/{name})" in text


@pytest.mark.parametrize(
    ("name", "without", "with_it"),
    [
        ("direction", 30, 12),
        ("min-deviation", 72, 24),
        ("min-relative-deviation", 48, 18),
        ("valid-range", 0, 12),
    ],
)
def test_a_scene_shows_what_its_policy_does(name: str, without: int, with_it: int) -> None:
    (scene,) = [scene for scene in policy_pictures.SCENES if scene.name == name]
    series = scene.series()
    assert (flagged(series.judged()), flagged(series.judged(**scene.settings))) == (
        without,
        with_it,
    )


def test_the_held_score_stays_while_its_alarm_is_open() -> None:
    score, missing = policy_pictures.read(policy_pictures.stopped(24.0), missing_data="skip")
    assert (np.flatnonzero(score > 1) - 15).tolist() == list(
        range(-10, 29)
    )  # minutes: the last sample outside is that of -1
    assert (np.flatnonzero(missing) - 15).tolist() == list(range(2, 60))
    score, missing = policy_pictures.read(policy_pictures.stopped(0.0), missing_data="skip")
    assert (np.flatnonzero(np.isnan(score)) - 15).tolist() == list(
        range(2, 60)
    ) and not missing.any()


def test_those_of_the_documentation_are_small() -> None:
    for name in ("odd-series", "incidents"):
        assert 20_000 < (FOLDER / f"{name}.png").stat().st_size < 200_000
