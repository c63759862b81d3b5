"""Known outages are read from a file, and what is wrong with it is told."""

from pathlib import Path

import pytest

from plugin.commands.preview.outages import read_outages
from plugin.domain.preview import Outage
from plugin.errors import BandwatchError


def read(folder: Path, text: str) -> list[Outage]:
    path = folder / "outages.csv"
    path.write_text(text)
    return read_outages(path)


def test_times_may_be_seconds_or_iso_8601(tmp_path: Path) -> None:
    text = (
        "title,start,end\n"
        "\n"
        '"b, the second",2025-10-21T08:00:00Z,2025-10-21T11:30:00+02:00\n'
        "a,1760000000,1760000600\n"
        ",2025-10-22,2025-10-22 01:00\n"
    )
    assert read(tmp_path, text) == [
        Outage(1_760_000_000, 1_760_000_600, "a"),
        Outage(1_761_033_600, 1_761_039_000, "b, the second"),
        Outage(1_761_091_200, 1_761_094_800, ""),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'start'; found nothing; valid is start,end[,title]"),
        ("start,until\n1,2\n", "no column 'end'; found start,until"),
        ("start,end\n1,2\nsoon,2\n", "line 3: start: found 'soon'; valid is unix seconds, or"),
        ("start,end\n1\n", "line 2: end: found ''; valid is"),
        ("start,end\n1760000000000,1\n", "line 2: start: found '1760000000000'"),
        ("start,end\n5,4\n", "line 2: end: found '4', which is before start '5'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BandwatchError) as refusal:
        read(tmp_path, text)
    assert words in str(refusal.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BandwatchError, match="cannot be read: No such file"):
        read_outages(tmp_path / "none.csv")
