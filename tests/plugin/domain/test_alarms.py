"""What begins, grows and ends an alarm; however the time is cut into ticks, the alarms are the
same."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from detectors.episodes import episode_scores, hold_seconds
from detectors.evaluate import alarm_spans, mark_series
from plugin.config import Watch
from plugin.domain.alarms import Alarm, OpenAlarms
from plugin.jobs.latest_samples import LatestSamples
from plugin.jobs.policies import persistence_score
from plugin.series import FloatArray, IntArray, Tick

STEP = 600  # the hold is six steps
NAN = np.nan
Scores = dict[int, list[float]]  # by series id, one per step
Found = dict[tuple[int, int], Alarm]  # by series and start


def tick(scores: Scores, first: int = 0, last: int | None = None, side: float = 1.0) -> Tick:
    """The steps first..last of a course of scores; the band is 9 to 11, so a value has its score
    exactly."""
    ids = np.array(list(scores), np.int64)
    score = np.array(list(scores.values()), float)[:, first:last]
    times = STEP * (1 + first + np.arange(score.shape[1]))
    ten = np.full(score.shape, 10.0)
    return Tick(
        "cpu",
        ids,
        times,
        ten + side * score,
        ten,
        ten - 1,
        ten + 1,
        score,
        np.ones(len(ids), np.int64),
    )


def before(scores: Scores, first: int, n: int) -> Callable[[IntArray], FloatArray]:
    """The last n scores of each series before a step."""

    def recent(ids: IntArray) -> FloatArray:
        stored = [
            [NAN] * n + [score for score in scores[int(id)][:first] if score == score] for id in ids
        ]
        return np.array([item[-n:] for item in stored])

    return recent


def followed(scores: Scores, edges: Iterable[int], persistence: tuple[int, int] = (1, 1)) -> Found:
    """The alarms after ticks that end at these steps, with a restart between any two of them."""
    now = OpenAlarms(STEP, persistence, 0, {})
    all_alarms = Found()
    first = 0
    for last in edges:
        changed, _ = now.after([tick(scores, first, last)], before(scores, first, persistence[1]))
        all_alarms.update(((alarm.series_id, alarm.start), alarm) for alarm in changed)
        stored = {alarm.series_id: alarm for alarm in all_alarms.values() if alarm.open}
        now = OpenAlarms(STEP, persistence, last * STEP, stored)
        first = last
    return all_alarms


def drawn(course: str) -> list[float]:
    """o = outside, . = inside, _ = no sample."""
    return [{"o": 2.0, ".": 0.5, "_": NAN}[letter] for letter in course]


@pytest.mark.parametrize(
    ("course", "persistence", "expected"),
    [
        ("....", (1, 1), []),
        ("..oo", (1, 1), [(3, 4, True, 2)]),
        ("oo.....", (1, 1), [(1, 2, True, 2)]),  # five inside do not end it
        ("oo......", (1, 1), [(1, 2, False, 2)]),
        ("oo.....o......", (1, 1), [(1, 8, False, 3)]),
        ("oo......o", (1, 1), [(1, 2, False, 2), (9, 9, True, 1)]),
        ("oo_____o", (1, 1), [(1, 8, True, 3)]),  # a gap is bridged as samples inside are
        ("oo______", (1, 1), [(1, 2, False, 2)]),
        ("o.o.", (2, 3), [(3, 3, True, 1)]),
        (
            "oo..........",
            (2, 3),
            [(2, 3, False, 2)],
        ),  # the alert score stays above 1 for one sample more
        ("o__o", (2, 2), [(4, 4, True, 1)]),  # a gap pushes nothing out of the last n
        (
            "oo_______._o",
            (2, 3),
            [(2, 2, False, 1), (12, 12, True, 1)],
        ),  # nothing begins inside the band
    ],
)
def test_episodes(
    course: str, persistence: tuple[int, int], expected: list[tuple[int, int, bool, int]]
) -> None:
    for edges in ([len(course)], range(1, len(course) + 1)):
        alarms = followed({7: drawn(course)}, edges, persistence).values()
        assert [(a.start // STEP, a.end // STEP, a.open, a.samples) for a in alarms] == expected


@pytest.mark.parametrize(
    ("course", "persistence", "expected"),
    [
        ("ooMMMM", (1, 1), [(1, 2, False, "maintenance")]),  # at once
        ("ooMoo", (1, 1), [(1, 2, False, "maintenance"), (4, 5, True, "")]),
        ("MMMoo", (1, 1), [(4, 5, True, "")]),
        ("oo......M", (1, 1), [(1, 2, False, "")]),  # over before
        ("oo...mm..", (1, 1), [(1, 2, False, "maintenance")]),
        ("oo_____Mo", (1, 1), [(1, 2, False, ""), (9, 9, True, "")]),
        (
            "oooMMo.oo",
            (2, 3),
            [(2, 3, False, "maintenance"), (8, 9, True, "")],
        ),  # counted anew after it
        (
            "oo__N__oo",
            (2, 3),
            [(2, 2, False, "maintenance"), (8, 9, True, "")],
        ),  # no sample: nothing to begin anew from
    ],
)
def test_maintenance_ends_what_is_open_and_begins_nothing(
    course: str, persistence: tuple[int, int], expected: list[tuple[int, int, bool, str]]
) -> None:
    """M, m and N = in maintenance: outside, inside, no sample."""
    muted = np.array([[letter in "MmN" for letter in course]])
    scores: Scores = {7: drawn(course.replace("M", "o").replace("m", ".").replace("N", "_"))}
    for edges in ([len(course)], range(1, len(course) + 1)):
        now = OpenAlarms(STEP, persistence, 0, {})
        all_alarms = Found()
        first = 0
        for last in edges:
            latest = LatestSamples(Watch(name="w", query="up", persistence=persistence))
            part = [
                replace(tick(scores, *item), muted=muted[:, slice(*item)])
                for item in ((0, first), (first, last))
            ]
            if first:
                latest.update(part[0])
            changed, now = now.after(part[1:], latest.recent)
            all_alarms.update(((alarm.series_id, alarm.start), alarm) for alarm in changed)
            first = last
        alarms = [(a.start // STEP, a.end // STEP, a.open, a.ended_by) for a in all_alarms.values()]
        assert alarms == expected, edges


@pytest.mark.parametrize(
    ("course", "answered", "expected"),
    [
        ("oo....", 3, [(1, 2, False, "answer")]),  # with the next sample inside
        ("oooo..", 2, [(1, 4, False, "answer")]),  # what is outside still goes on
        ("oo_..o", 2, [(1, 2, False, "answer"), (6, 6, True, "")]),  # what comes next is another
        ("oo_..o", 6, [(1, 6, True, "")]),  # no sample since
        ("oo.M..", 4, [(1, 2, False, "maintenance")]),  # over before
    ],
)
def test_an_answer_ends_an_alarm_with_the_next_sample_inside(
    course: str, answered: int, expected: list[tuple[int, int, bool, str]]
) -> None:
    """answered: the step after which it was."""
    muted = np.array([[letter == "M" for letter in course]])
    scores: Scores = {7: drawn(course.replace("M", "."))}
    for edges in ([2, len(course)], range(1, len(course) + 1)):
        now = OpenAlarms(STEP, (1, 1), 0, {})
        all_alarms = Found()
        first = 0
        for last in edges:
            part = replace(tick(scores, first, last), muted=muted[:, first:last])
            answers = {
                id: answered * STEP
                for id, alarm in now.alarms.items()
                if last > answered and alarm.start <= answered * STEP
            }
            changed, now = now.after([part], before(scores, first, 1), answers)
            all_alarms.update(((alarm.series_id, alarm.start), alarm) for alarm in changed)
            first = last
        alarms = [(a.start // STEP, a.end // STEP, a.open, a.ended_by) for a in all_alarms.values()]
        assert alarms == expected, edges


@pytest.mark.parametrize("side", [1, -1])
def test_the_peak_is_the_earliest_sample_with_the_highest_score(side: int) -> None:
    course: Scores = {1: [0.5, 2.0, 4.0, 4.0, 3.0]}
    (alarm,) = OpenAlarms(STEP, (1, 1), 0, {}).after(
        [tick(course, side=side)], before(course, 0, 1)
    )[0]
    assert alarm == Alarm(
        1, 2 * STEP, 5 * STEP, True, 4, 3 * STEP, 4.0, 10.0 + 4 * side, 10.0, 9.0, 11.0, side
    )


def test_a_later_tick_moves_the_peak_only_up() -> None:
    alarms = followed({1: [2.0, 1.5, 2.0, 3.0]}, [1, 2, 3, 4])
    assert alarms == followed({1: [2.0, 1.5, 2.0, 3.0]}, [4])
    assert (alarms[1, STEP].peak_time, alarms[1, STEP].peak_score, alarms[1, STEP].samples) == (
        4 * STEP,
        3.0,
        4,
    )


def test_it_counts_as_the_evaluation_does() -> None:
    rng = np.random.default_rng(0)
    scores = np.where(rng.random((20, 300)) < 0.3, NAN, rng.exponential(0.4, (20, 300)))
    alarms = followed({id: row.tolist() for id, row in enumerate(scores)}, [300])
    for id, row in enumerate(scores):
        own = [alarm for alarm in alarms.values() if alarm.series_id == id]
        rows = np.flatnonzero(~np.isnan(row))
        marks = mark_series(row, np.zeros(300, np.int64), ~np.isnan(row), step=STEP)
        spans = alarm_spans(marks)
        assert [alarm.start // STEP - 1 for alarm in own] == rows[spans[:, 0]].tolist()
        held = episode_scores(row, STEP)
        for alarm, last in zip(own, rows[spans[:, 1] - 1], strict=True):
            open_until = alarm.end + hold_seconds(STEP)
            assert STEP * (1 + last) == max(STEP * (1 + rows[STEP * (1 + rows) < open_until]))
            assert held[last] == alarm.peak_score and alarm.open == (open_until > 300 * STEP)


@pytest.mark.parametrize("persistence", [(1, 1), (2, 3), (3, 3), (1, 4), (4, 10)])
def test_restarts_change_no_alarm(persistence: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(persistence))
    wild = np.repeat(rng.random((12, 60)) < 0.3, 5, axis=1) & (rng.random((12, 300)) < 0.8)
    scores = np.where(
        rng.random((12, 300)) < 0.15, NAN, np.where(wild, 1 + rng.random((12, 300)), 0.5)
    )
    course = {id: row.tolist() for id, row in enumerate(scores)}
    whole = followed(course, [300], persistence)
    assert any(not alarm.open for alarm in whole.values())
    for edges in (
        list(range(1, 301)),
        [*sorted(rng.choice(np.arange(1, 300), 20, replace=False).tolist()), 300],
    ):
        assert followed(course, edges, persistence) == whole


def test_a_sample_counts_when_its_alert_score_exceeds_1() -> None:
    rng = np.random.default_rng(3)
    (k, n) = (2, 4)
    row = np.where(rng.random(200) < 0.3, 2.0, 0.5)
    last = np.array(
        [[NAN] * (n - 1 - at) + row[max(0, at - n + 1) : at + 1].tolist() for at in range(200)]
    )
    above = persistence_score(last, k) > 1
    assert (
        sum(alarm.samples for alarm in followed({1: row.tolist()}, [200], (k, n)).values())
        == above.sum()
    )


def test_the_same_tick_again_changes_nothing() -> None:
    course: Scores = {1: drawn("oo......oo"), 2: drawn(".........o")}
    first, now = OpenAlarms(STEP, (1, 1), 0, {}).after([tick(course)], before(course, 0, 1))
    assert len(first) == 3 and set(now.alarms) == {1, 2} and now.until == 10 * STEP
    assert now.after([tick(course)], before(course, 0, 1)) == ([], now)


def test_a_series_that_is_in_no_tick_any_more_ends_its_alarm() -> None:
    now = OpenAlarms(STEP, (1, 1), 0, {}).after([tick({1: drawn("o")})], before({}, 0, 1))[1]
    other: Scores = {2: drawn("." * 8)}
    assert now.after([tick(other, 1, 6)], before(other, 1, 1))[0] == []
    changed, after = now.after([tick(other, 1, 7)], before(other, 1, 1))
    assert [(alarm.series_id, alarm.open, alarm.end) for alarm in changed] == [
        (1, False, STEP)
    ] and not after.alarms


@pytest.mark.parametrize("persistence", [(1, 1), (2, 3)])
def test_a_quiet_tick_of_ten_thousand_series_costs_under_two_milliseconds(
    persistence: tuple[int, int],
) -> None:
    scores = {id: [0.5] for id in range(10_000)}
    quiet = tick(scores)
    recent = np.full((10_000, persistence[1]), 0.5)
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        changed, _ = OpenAlarms(STEP, persistence, 0, {}).after([quiet], lambda _: recent)
        seconds.append(time.perf_counter() - began)
        assert changed == []
    assert min(seconds) < 0.002


def test_samples_that_look_back_over_a_hole_neither_begin_nor_end_an_alarm() -> None:
    """They are as a gap: the alarm of before goes on after them."""
    course = tick({1: drawn("o.ooo.o"), 2: drawn("..ooo..")})
    over_hole = np.array([False, False, True, True, True, False, False])
    changed, now = OpenAlarms(STEP, (1, 1), 0, {}).after(
        [replace(course, over_hole=over_hole)], before({1: [], 2: []}, 0, 1)
    )
    assert [(alarm.series_id, alarm.start, alarm.end, alarm.samples) for alarm in changed] == [
        (1, STEP, 7 * STEP, 2)
    ]
    assert list(now.alarms) == [1]
