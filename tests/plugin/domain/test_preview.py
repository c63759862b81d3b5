"""How often someone would have been told, which outages were seen, what two previews differ in."""

import pytest

from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident, new_incident
from plugin.domain.preview import (
    Outage,
    Preview,
    PreviewIncident,
    check_outages,
    differences,
    is_night,
    length_text,
    unexplained,
)
from plugin.domain.times import DAY, HOUR, WEEK
from plugin.series import Labels

MIDNIGHT = 1_760_054_400  # 2025-10-10T00:00:00Z


def incident(start: int, end: int, group: str = "web") -> PreviewIncident:
    alarm = Alarm(1, start, end, False, 3, start, 2.0, 5.0, 1.0, 0.0, 2.0, 1)
    made: Incident = new_incident(group, Labels.of({}), [alarm])
    return PreviewIncident(made, 'up{job="a"}', 'up{job="a"}', "", "UTC")


def preview(*incidents: PreviewIncident, weeks: int = 1) -> Preview:
    return Preview(MIDNIGHT, MIDNIGHT + weeks * WEEK, (), (), incidents)


@pytest.mark.parametrize(
    ("hour", "timezone", "night"),
    [
        (21, "UTC", False),
        (22, "UTC", True),
        (6, "UTC", True),
        (7, "UTC", False),
        (20, "Europe/Vienna", True),
        (5, "Europe/Vienna", False),
    ],
)
def test_the_night_is_local(hour: int, timezone: str, night: bool) -> None:
    assert is_night(MIDNIGHT + hour * HOUR, timezone) == night


def test_pages_are_told_by_night_and_by_day() -> None:
    rate = preview(
        incident(MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR),
        incident(MIDNIGHT + 12 * HOUR, MIDNIGHT + 13 * HOUR),
        incident(MIDNIGHT + DAY + 12 * HOUR, MIDNIGHT + DAY + 13 * HOUR, "db"),
        weeks=2,
    )
    assert (rate.pages().night, rate.pages().day, rate.pages().total) == (0.5, 1.0, 1.5)
    assert (rate.pages("db").night, rate.pages("db").day) == (0.0, 0.5)


def test_an_outage_is_caught_by_the_first_incident_that_overlaps_it() -> None:
    start = MIDNIGHT + 10 * HOUR
    early = incident(start - HOUR, start)
    late = incident(start + 600, start + HOUR)
    caught = check_outages(preview(late), [Outage(start, start + HOUR, "db down")])
    assert [check.words for check in caught] == [
        'caught 10 min after its start: up{job="a"} above its band'
    ]
    assert check_outages(preview(early, late), [Outage(start, start + HOUR)])[0].delay == 0


def test_an_outage_without_an_incident_is_missed() -> None:
    start = MIDNIGHT + 10 * HOUR
    outages = [
        Outage(start, start + 60),
        Outage(MIDNIGHT - WEEK, MIDNIGHT - DAY, "before the preview"),
    ]
    past = preview(incident(start + 61, start + HOUR))
    assert [check.words for check in check_outages(past, outages)] == ["missed"]
    assert unexplained(past, outages) == 1


def test_two_previews_differ_in_what_only_one_of_them_has() -> None:
    start = MIDNIGHT + 10 * HOUR
    both = incident(start, start + HOUR)
    longer = incident(start - HOUR, start + 60)
    other_group = incident(start, start + HOUR, "db")
    only_first, only_second = differences(preview(both), preview(longer, other_group))
    assert (only_first, only_second) == ([], [other_group])


def test_one_sample_has_no_length() -> None:
    assert (length_text(0), length_text(3900)) == ("one sample", "1 h 5 min")
