"""The pictures of the documentation, with a sample every quarter of an hour."""

from pathlib import Path

from detectors.baseline import Baseline
from tests.benchmarks.pictures import FOLDER, INCIDENTS, ODD, sheet
from tests.odd_series import Grid, judged, troubled


def test_both_sheets_are_drawn(tmp_path: Path) -> None:
    grid = Grid(900)
    series = judged(Baseline(), grid, troubled(grid))
    for scenes in (ODD, INCIDENTS):
        sheet(tmp_path / "sheet.png", scenes, series)
        assert (tmp_path / "sheet.png").stat().st_size > 20_000


def test_those_of_the_documentation_are_small() -> None:
    for name in ("odd-series", "incidents"):
        assert 20_000 < (FOLDER / f"{name}.png").stat().st_size < 200_000
