from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pytest

from detectors.api import DetectorError
from plugin.config import Calendar
from plugin.grid import Grid, align, holidays, local_days, series_batch, utc_offsets
from plugin.series import Labels, Series


def series(times: list[int], values: list[float], **labels: str) -> Series:
    return Series(Labels.of(labels), np.array(times, np.int64), np.array(values, float))


def test_grid_times_are_inclusive_multiples_of_the_step() -> None:
    assert Grid.between(120, 240, 60).times.tolist() == [120, 180, 240]
    assert Grid.between(120, 120, 60).times.tolist() == [120]
    assert Grid.between(120, 60, 60).times.tolist() == []


@pytest.mark.parametrize("end, count", [(60, 0), (119, 0), (120, 1), (179, 1), (180, 2), (240, 3)])
def test_a_grid_ends_with_the_last_step_that_fits_in(end: int, count: int) -> None:
    grid = Grid.within(120, end, 60)
    assert (grid.count, grid.end) == (count, 120 + (count - 1) * 60)


@pytest.mark.parametrize(
    "start, end, columns",
    [
        (0, 119, []),
        (0, 120, [0]),
        (121, 179, []),
        (121, 180, [1]),
        (0, 2**40, [0, 1, 2]),
        (181, 2**40, [2]),
        (241, 2**40, []),
        (180, 130, []),
    ],
)
def test_the_columns_of_a_stretch_of_time(start: int, end: int, columns: list[int]) -> None:
    assert list(range(3))[Grid(120, 60, 3).columns(start, end)] == columns


@pytest.mark.parametrize("start, end, step", [(61, 120, 60), (60, 121, 60), (0, 60, 0)])
def test_grid_times_off_the_grid_are_refused(start: int, end: int, step: int) -> None:
    with pytest.raises(ValueError, match="must be multiples of the step"):
        Grid.between(start, end, step)


def test_align_leaves_gaps_as_nan_and_keeps_the_order_of_series() -> None:
    values = align(
        [series([180], [3.0]), series([], []), series([120, 240], [1.0, -2.0])], Grid(120, 60, 3)
    )
    nan = np.nan
    np.testing.assert_array_equal(values, [[nan, 3, nan], [nan, nan, nan], [1, nan, -2]])


def test_align_without_series_still_has_the_grid() -> None:
    assert align([], Grid(0, 60, 3)).shape == (0, 3)


@pytest.mark.parametrize("time", [60, 150, 300])
def test_align_refuses_a_sample_off_the_grid_and_names_the_series(time: int) -> None:
    with pytest.raises(
        ValueError, match=rf'job="b".* has a sample at {time}, .* grid 120..240 of step 60'
    ):
        align([series([120], [1.0], job="a"), series([time], [1.0], job="b")], Grid(120, 60, 3))


def test_utc_offsets_follow_both_changes_of_a_year() -> None:
    # 2026-03-29 and 2026-10-25, 01:00 UTC
    spring = 1_774_746_000
    autumn = 1_792_890_000
    times = np.array([spring - 1, spring, spring + 1, autumn - 1, autumn, autumn + 1])
    assert utc_offsets(times, "Europe/Berlin").tolist() == [3600, 7200, 7200, 7200, 3600, 3600]


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlin",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "UTC",
    ],
)
def test_utc_offsets_are_those_of_zoneinfo_in_any_order(zone: str) -> None:
    times = np.random.default_rng(1).integers(1_262_304_000, 1_798_761_600, 3000)  # 2010 to 2026
    local = [
        datetime.fromtimestamp(time, UTC).astimezone(ZoneInfo(zone)) for time in times.tolist()
    ]
    expected = [(moment.replace(tzinfo=UTC) - moment).total_seconds() for moment in local]
    assert utc_offsets(times, zone).tolist() == expected


def test_utc_offsets_of_nothing_and_of_an_unknown_zone() -> None:
    assert utc_offsets(np.zeros(0, np.int64), "Europe/Berlin").shape == (0,)
    assert utc_offsets(np.array([0]), "Europe/Berlin").tolist() == [3600]
    with pytest.raises(ZoneInfoNotFoundError):
        utc_offsets(np.array([0]), "Europe/Atlantis")


def test_batch_marks_gaps_as_not_observed_and_knows_local_time() -> None:
    values = np.array([[1.0, np.nan]])
    batch = series_batch(values, Grid(1_774_746_000 - 60, 60, 2), "Europe/Berlin")
    assert batch.observed.tolist() == [[True, False]]
    assert batch.usable.tolist() == [[True, True]]
    assert batch.utc_offset.tolist() == [3600, 7200]
    assert (batch.start, batch.step) == (1_774_745_940, 60)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_a_batch_knows_the_holidays_of_local_days() -> None:
    """German Unity Day, 3 October 2026, from midnight to midnight in Berlin."""
    grid = Grid(seconds("2026-10-02T21:00+00:00"), 3600, 28)
    batch = series_batch(np.zeros((2, 28)), grid, "Europe/Berlin", Calendar(country="DE"))
    assert np.flatnonzero(batch.holiday).tolist() == list(range(1, 25))
    assert batch.steps(2, 4).holiday.tolist() == [True, True]
    assert batch.rows(np.array([1])).holiday.tolist() == batch.holiday.tolist()
    assert not series_batch(np.zeros((2, 28)), grid, "Europe/Berlin").holiday.any()


@pytest.mark.parametrize(("subdivision", "expected"), [("BE", True), ("BY", False), ("", False)])
def test_a_part_of_a_country_has_holidays_of_its_own(subdivision: str, expected: bool) -> None:
    """International Women's Day, 8 March 2027, in Berlin."""
    calendar = Calendar(country="DE", subdivision=subdivision)
    noon = np.array([seconds("2027-03-08T12:00+00:00")])
    assert holidays(noon, calendar).tolist() == [expected]


def test_local_days_are_those_of_the_time_zone() -> None:
    times = np.array([0, 3600, 22 * 3600, 23 * 3600, 24 * 3600])
    assert local_days(times, "Europe/Berlin").tolist() == [0, 1]
    assert local_days(times, "America/New_York").tolist() == [-1, 0]


def test_there_are_no_holidays_in_no_time() -> None:
    assert holidays(np.zeros(0, np.int64), Calendar(country="DE")).shape == (0,)


def test_a_batch_refuses_holidays_of_another_length() -> None:
    batch = series_batch(np.zeros((1, 4)), Grid(0, 60, 4), "UTC")
    with pytest.raises(DetectorError, match=r"`holiday` \(4,\): got .*, holiday \(3,\)"):
        replace(batch, holiday=np.zeros(3, bool))
