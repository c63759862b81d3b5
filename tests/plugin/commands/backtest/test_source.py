"""Reading recordings: gaps stay gaps, further columns travel along, a bad file is named."""

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest

from plugin.commands.backtest.expression import query_recordings
from plugin.commands.backtest.source import ALARMS_FILE, ALARMS_HEADER, read_file, read_folder
from plugin.config.model import PrometheusSettings
from plugin.errors import BandwatchError
from plugin.prometheus import PrometheusReader
from tests.history import END, START, STEP, TIMES
from tests.servers import PrometheusServer


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_gaps_and_further_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.b.csv.gz",
        "time,value,label,kind\n60,1,0,\n120,,1,dip\n240,inf,0,\n300,5,0,\n360,6,0,\n",
    )
    found = read_file(path)
    assert (found.name, found.start, found.step) == ("a.b", 60, 60)
    np.testing.assert_array_equal(found.values, [1, np.nan, np.nan, np.nan, 5, 6])
    assert found.times.tolist() == [60, 120, 240, 300, 360] and found.slot.tolist() == [
        0,
        1,
        3,
        4,
        5,
    ]
    np.testing.assert_array_equal(found.value, [1, np.nan, np.nan, 5, 6])
    assert found.extra["kind"].tolist()[1] == "dip"


def test_rows_off_the_grid_are_seen_at_the_next_grid_time(tmp_path: Path) -> None:
    found = read_file(
        write(tmp_path, "s.csv", "time,value\n0,1\n10,2\n20,3\n25,4\n28,5\n40,6\n50,7\n")
    )
    assert found.step == 10 and found.slot.tolist() == [0, 1, 2, 3, 3, 4, 5]
    assert found.values.tolist() == [1, 2, 3, 5, 6, 7] and found.value.tolist() == [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "time,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2\n2026-01-01T00:02:00Z,3\n",
        "timestamp,y\n2026-01-01 00:00,1\n2026-01-01 00:01,2\n2026-01-01 00:02,3\n",
        "Date,Value\n2026-01-01T01:00+01:00,1\n2026-01-01T01:01+01:00,2\n1767225720,3\n",
        "datetime,val\n1767225600,1\n1767225660,2\n1767225720,3\n",
        "y,ts\n1,1767225600\n2,1767225660\n3,1767225720\n",
    ],
)
def test_times_of_iso_8601_and_common_names_of_columns(tmp_path: Path, text: str) -> None:
    found = read_file(write(tmp_path, "s.csv", text))
    assert found.times.tolist() == [1_767_225_600 + 60 * row for row in range(3)]
    assert found.values.tolist() == [1, 2, 3] and found.extra.shape[1] == 0


def test_a_column_with_its_own_name_goes_before_the_others(tmp_path: Path) -> None:
    found = read_file(write(tmp_path, "s.csv", "date,time,value,y\na,1,5,0\nb,2,6,0\nc,3,7,0\n"))
    assert found.values.tolist() == [5, 6, 7] and found.extra.columns.tolist() == ["date", "y"]


def test_series_that_are_too_short_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, rows in (("good", "1,1\n2,1\n3,1\n"), ("empty", ""), ("one", "1,1\n")):
        write(tmp_path, f"{name}.csv", "time,value\n" + rows)
    assert [found.name for found in read_folder(tmp_path)] == ["good"]
    assert [vars(line)["err"].split(": ")[1] for line in caplog.records] == [
        "0 samples; a backtest needs at least 3",
        "1 samples; a backtest needs at least 3",
    ]
    (tmp_path / "good.csv").unlink()
    with pytest.raises(BandwatchError, match=r"empty.csv: 0 samples(.|\n)*one.csv: 1 samples"):
        read_folder(tmp_path)


def test_the_list_of_alarms_of_a_backtest_is_no_series(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "time,value\n10,1\n20,1\n30,1\n")
    write(tmp_path, ALARMS_FILE, ",".join(ALARMS_HEADER) + "\n")
    assert [found.name for found in read_folder(tmp_path)] == ["a"]
    write(tmp_path, ALARMS_FILE, "time,value\n10,1\n20,1\n30,1\n")
    assert [found.name for found in read_folder(tmp_path)] == ["a", "alarms"]


def test_order_and_duplicates_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path, "s.csv", "time,value\n30,3\n10,1\n20,2\n20,9\n")
    assert read_file(path).values.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "when,value\n1,2\n",
            "no column 'time'; found when, value; valid is .*; time may be called timestamp, ts,",
        ),
        ("time,value\n", "0 samples; a backtest needs at least 3"),
        ("time,value\n1,2\n2,3\n", "2 samples; a backtest needs at least 3"),
        ("", "cannot be read as CSV"),
        (
            "time,value\n1,2\n2,high\n3,4\n",
            "line 3: value is 'high'; valid is a number, or nothing for no sample",
        ),
        (
            "time,value\n1/2/2026,1\n2/2/2026,1\n3/2/2026,1\n",
            "line 2: time is '1/2/2026'; valid is unix seconds .*, or ISO 8601 such as 2026-",
        ),
        (
            "time,value\n1760000000000,1\n1760000060000,1\n1760000120000,1\n",
            r"line 2: time is 1760000000000; valid is unix seconds \(not milliseconds\)",
        ),
        (
            "time,value\n0,1\n1760000000,1\n1760000001,1\n1760000002,1\n",
            "0 to 1760000002 in steps of 1 are more than",
        ),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "bad.csv", text)
    with pytest.raises(BandwatchError, match="bad.csv: " + message):
        read_file(path)


def test_an_empty_folder_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(BandwatchError, match="no .csv or .csv.gz file"):
        read_folder(tmp_path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "a.csv.gz", "b.csv"):
        write(tmp_path, name, "time,value\n10,1\n20,1\n30,1\n")
    with pytest.raises(BandwatchError, match="a.csv and a.csv.gz are both there"):
        read_folder(tmp_path)


def test_a_folder_is_read_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", "notes.txt"):
        write(tmp_path, name, "time,value\n10,1\n20,1\n30,1\n")
    assert [found.name for found in read_folder(tmp_path)] == ["a", "b"]


def test_columns_that_begin_so_are_covariates(tmp_path: Path) -> None:
    text = "time,value,covariate_load,label,covariate_users\n0,1,5,0,7\n10,2,,0,8\n30,3,6,0,9\n"
    found = read_file(write(tmp_path, "s.csv", text))
    np.testing.assert_array_equal(found.covariates, [[5, np.nan, np.nan, 6], [7, 8, np.nan, 9]])
    assert read_file(
        write(tmp_path, "t.csv", "time,value\n0,1\n10,2\n20,3\n")
    ).covariates.shape == (0, 3)
    with pytest.raises(BandwatchError, match="line 3: covariate_a is 'x'; valid is a number"):
        read_file(write(tmp_path, "u.csv", "time,value,covariate_a\n0,1,1\n10,2,x\n20,3,3\n"))


def test_a_moment_at_which_the_query_fails_is_a_gap(
    prometheus: PrometheusServer, caplog: pytest.LogCaptureFixture
) -> None:
    bad = f"(vector(time()) >= {TIMES[700]} <= {TIMES[704]})"
    two = f'vector(1) or (label_replace(vector(1), "n", "2", "", "") and on() {bad})'
    read = PrometheusReader(PrometheusSettings(url=prometheus.url))
    with caplog.at_level(logging.WARNING):
        (found,) = query_recordings(
            read, f"shop_flat * on() group_left() ({two})", START, END, STEP
        )
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [700, 701, 702, 703, 704]
    (told,) = caplog.records
    assert "cannot be evaluated at some steps" in told.message
    assert told.steps == 5  # type: ignore[attr-defined]
