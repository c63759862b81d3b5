"""What is told of an alarm: how unusual, since when, who moved with it; and nothing that is not
known."""

from dataclasses import replace

import numpy as np
import pytest

from plugin.domain import wording
from plugin.domain.alarms import Alarm
from plugin.domain.deviation import DeviationKind
from plugin.domain.explanation import (
    Related,
    alarm_as_of,
    explain_alarm,
    explain_sample,
    find_related,
    rank_of,
)
from plugin.domain.past_behaviour import PastBehaviour
from plugin.series import FloatArray, Samples

STEP = 60
DAY = 1440
START = 1_795_219_200  # 2026-11-21T00:00:00Z, a Saturday
HISTORY = 14 * DAY
AT = START + 185 * STEP  # of the alarm: 03:05


def day(times: FloatArray) -> FloatArray:
    """1,000 requests per second, more by day, with noise."""
    rng = np.random.default_rng(3)
    return np.asarray(
        1000 + 400 * np.sin(2 * np.pi * times / 86_400) + 20 * rng.normal(size=len(times))
    )


def alarm(end: int = AT + 12 * STEP, **columns: object) -> Alarm:
    base = Alarm(7, AT, end, True, 13, end, 3.0, 500.0, 1300.0, 1200.0, 1400.0, -1)
    return replace(base, **columns)  # type: ignore[arg-type]  # columns of an alarm


def samples(minutes: int = 13) -> Samples:
    """From half a day before the alarm to its last minute, 800 below what is usual since it
    began."""
    times = AT + STEP * np.arange(-720, minutes)
    usual = 1000 + 400 * np.sin(2 * np.pi * times / 86_400)
    value = day(times.astype(float)) - 800 * (times >= AT)
    return Samples(
        times,
        value,
        usual,
        usual - 100,
        usual + 100,
        np.abs(value - usual) / 100,
        np.ones(len(times), int),
    )


def past(days: int = 14) -> PastBehaviour:
    times = AT + STEP * np.arange(-days * DAY, 0)
    behaviour = PastBehaviour.of(times, day(times.astype(float)))
    assert behaviour is not None
    return behaviour


def test_an_open_alarm_in_one_sentence() -> None:
    others = [
        (AT - 120, 3, 'requests{job="api"}'),
        (AT, 7, "me"),
        (AT + 60, 5, "b"),
        (AT + 61, 9, "c"),
    ]
    explanation = explain_alarm(
        alarm(), samples(), past(), "reqps", related=find_related(alarm(), others)
    )
    assert explanation is not None
    value = round(float(samples().value[-1]))
    assert (
        explanation.text
        == f"{value} req/s; expected 1,203 to 1,403 req/s at this hour; below since 03:05 UTC (12"
        ' min); lowest in 14 d; 3 related series, first requests{job="api"} 2 min before'
    )
    assert (explanation.kind, explanation.direction) == (DeviationKind.OUTSIDE, -1), (
        "after 13 samples nobody knows"
    )


def test_after_a_quarter_of_an_hour_it_is_a_level_and_says_when_it_is_accepted() -> None:
    explanation = explain_alarm(
        alarm(AT + 29 * STEP), samples(30), past(), "reqps", new_level=(AT, AT + 12 * 3600)
    )
    assert explanation is not None and explanation.kind is DeviationKind.LEVEL
    assert explanation.parts[-2:] == [
        "a level shift",
        "at a new level since 03:05 UTC; accepted as normal at 15:05 UTC if it stays",
    ]


def test_a_closed_alarm_is_told_by_its_peak() -> None:
    seen = samples(40)
    value = seen.value.copy()
    value[-10:] += 800  # it is back
    peak = int(np.argmin(value))
    closed = alarm(AT + 29 * STEP, open=False, peak_time=int(seen.times[peak]))
    explanation = explain_alarm(closed, replace(seen, value=value), past(), "reqps")
    assert (
        explanation is not None
        and explanation.value == value[peak]
        and explanation.kind is DeviationKind.DIP
    )
    assert "below from 03:05 UTC, 29 min" in explanation.text and explanation.text.endswith("a dip")


def test_an_open_alarm_that_is_back_inside_is_told_by_its_peak_so_far() -> None:
    seen = samples(40)
    value = seen.value.copy()
    value[-10:] += 800
    score = np.abs(value - seen.expected) / 100
    peak = int(np.argmax(np.where(seen.times >= AT, score, 0)))
    still_open = alarm(AT + 29 * STEP, peak_time=AT + 99 * STEP)  # as of now: its peak is to come
    back = explain_alarm(still_open, replace(seen, value=value, score=score), past(), "reqps")
    assert back is not None and (back.value, back.score) == (value[peak], score[peak])
    assert "below since 03:05 UTC (29 min); inside its band again; " in back.text


def test_a_series_that_does_not_alarm_has_its_plain_sentence() -> None:
    usual = samples(1).expected
    explanation = explain_sample(replace(samples(1), value=usual, score=0 * usual), "reqps")
    assert (
        explanation is not None and explanation.text == "1,289 req/s; expected 1,189 to 1,389 req/s"
    )
    assert explain_sample(replace(samples(), times=samples().times[:0]), "") is None


@pytest.mark.parametrize(
    ("days", "value", "text"),
    [
        (14, 400.0, "lowest in 14 d"),
        (3, 400.0, "lowest in the 3 d that are known"),
        (14, 1250.0, ""),
    ],
)
def test_how_unusual_says_only_what_is_known(days: int, value: float, text: str) -> None:
    rank = rank_of(past(days), value, AT, -1)
    assert (wording.rank(rank.lowest, rank.seconds, whole=rank.whole) if rank else "") == text


def test_a_value_that_has_been_is_ranked_by_when() -> None:
    values = np.full(3 * DAY, 5.0)
    values[DAY] = 1.0
    known = PastBehaviour.of(AT + STEP * np.arange(-3 * DAY, 0), values)
    assert known is not None
    for value, seconds, whole in ((1.0, 2 * 86_400, False), (0.5, 3 * 86_400, True)):
        rank = rank_of(known, value, AT, -1)
        assert rank is not None and (rank.lowest, rank.seconds, rank.whole) == (
            True,
            seconds,
            whole,
        )
    assert rank_of(known, 5.0, AT, -1) is None, "a minute ago is not worth telling"
    high = rank_of(known, 6.0, AT, 1)
    assert high is not None and not high.lowest


@pytest.mark.parametrize(
    ("others", "related"),
    [
        ([], None),
        ([(AT, 7, "me")], None),
        ([(AT - 1801, 3, "early"), (AT, 7, "me")], None),
        ([(AT - 1800, 3, "a"), (AT, 7, "me")], Related(1, "a", 1800)),
        ([(AT, 7, "me"), (AT + 60, 3, "late")], Related(1, "late", -60)),
        ([(AT, 3, "same"), (AT, 7, "me"), (AT, 9, "too")], Related(2, "same", 0)),
        (
            [(AT - 60, 3, "twice"), (AT, 7, "me"), (AT + 60, 3, "twice"), (AT + 90, 7, "me")],
            Related(1, "twice", 60),
        ),
    ],
)
def test_who_moved_with_it(others: list[tuple[int, int, str]], related: Related | None) -> None:
    assert find_related(alarm(), others) == related


def test_an_alarm_as_of_a_moment_within_it() -> None:
    closed = alarm(open=False)
    assert (
        alarm_as_of(closed, AT + 60) == replace(closed, end=AT + 60, open=True)
        and alarm_as_of(closed, AT + 9999) == closed
    )
