"""Tolerances: how large an answered false alarm makes one, when it holds, how it fades."""

import numpy as np
import pytest

from plugin.domain.times import DAY
from plugin.domain.tolerances import (
    HALF_LIFE,
    HOLD_SECONDS,
    MARGIN,
    MAX_BRIEF_SAMPLES,
    MAX_FACTOR,
    NO_TOLERANCES,
    RETURN_MARGIN,
    RETURN_SECONDS,
    SAME_HOUR_SECONDS,
    FeedbackEntry,
    FeedbackSpan,
    Tolerances,
    Verdict,
    false_alarm,
)
from plugin.series import Samples

# at midnight
AT = 1_795_219_200
STEP = 60
NOON = 12 * 3600  # of a day long ago, far from the hour at which tolerances are looked at


def samples(*scores: float) -> Samples:
    """A score below 0 is below a band of 10 ± 2."""
    value = 10 + 2 * np.array(scores)
    flat = np.ones(len(scores))
    return Samples(
        AT + STEP * np.arange(len(scores)),
        value,
        10 * flat,
        8 * flat,
        12 * flat,
        np.abs(scores),
        np.ones(len(scores), int),
    )


def sized(*scores: float, known: Tolerances = NO_TOLERANCES) -> FeedbackSpan | None:
    return false_alarm(7, AT, AT + 10**6, samples(*scores), known)


def tolerances(part: FeedbackSpan, at: int = AT) -> Tolerances:
    return Tolerances.of([FeedbackEntry(1, Verdict.FALSE_ALARM, "", "", "anna", at, (part,))])


@pytest.mark.parametrize(
    ("scores", "brief", "lasting"),
    [
        ((0, 2, 0), (1, 1 + MARGIN), (1, 1)),
        ((0, -2, 1.5), (1 + MARGIN, 1), (1, 1)),  # one alarm, whose peak is below
        ((-2, *(0,) * 30, 1.5), (1 + MARGIN, 1 + MARGIN / 2), (1, 1)),  # two
        ((0, 9, 0), (1, MAX_FACTOR), (1, 1)),
        ((2,) * MAX_BRIEF_SAMPLES, (1, 1 + MARGIN), (1, 1)),
        ((2,) * (MAX_BRIEF_SAMPLES + 1), (1, 1), (1, 1 + MARGIN)),
        ((*(2,) * 10, *(0,) * 29, *(3,) * 10), (1, 1), (1, 1 + 2 * MARGIN)),  # one: it lasts
        ((*(2,) * 10, *(0,) * 30, *(3,) * 10), (1, 1 + 2 * MARGIN), (1, 1)),
    ],
)
def test_a_tolerance_just_holds_what_was_answered(
    scores: tuple[float, ...], brief: tuple[float, float], lasting: tuple[float, float]
) -> None:
    part = sized(*scores)
    assert (
        part is not None
        and part.brief == pytest.approx(brief)
        and part.lasting == pytest.approx(lasting)
    )


def test_where_nothing_was_outside_there_is_no_false_alarm() -> None:
    assert sized(0, 1, -1, np.nan) is None and sized() is None


def test_what_was_tolerated_counts_as_far_as_it_was() -> None:
    """The scores that are stored are those after the tolerance of then."""
    part = sized(0, 1.5, known=tolerances(FeedbackSpan(7, NOON, NOON + 1, (1, 2.0)), AT - 1))
    assert part is not None and part.brief[1] == pytest.approx(1 + MARGIN * (1.5 * 2 - 1), rel=1e-4)


def test_a_tolerance_holds_for_later_samples_and_fades() -> None:
    times = AT + np.array([-STEP, 0, 1, HALF_LIFE, 2 * HALF_LIFE])
    found = tolerances(FeedbackSpan(7, NOON, NOON + 1, (1, 3.0))).widening(
        np.array([5, 7, 6]), times
    )
    assert found is not None and found.rows.tolist() == [1]
    assert found.factor[0].tolist() == [[1] * 5]
    assert found.factor[1, 0].tolist() == [1, 1, pytest.approx(3, rel=1e-6), 2, 1.5]


def test_at_its_own_hour_it_is_kept_for_two_weeks_and_has_room() -> None:
    """A job of every day, from 11:50 to 12:10, that is not quite alike each time."""
    known = tolerances(FeedbackSpan(7, NOON - 600, NOON + 600, (1, 2.0)))
    first = AT + NOON
    kept = [
        known.at(7, first + age)[1]
        for age in (0, 13 * DAY, 600 + SAME_HOUR_SECONDS, -600 - SAME_HOUR_SECONDS)
    ]
    assert kept == pytest.approx([1 + RETURN_MARGIN] * 4)
    beside = [
        known.at(7, first + age)[1] for age in (601 + SAME_HOUR_SECONDS, -601 - SAME_HOUR_SECONDS)
    ]
    assert beside == pytest.approx([1 + 2 ** (-(NOON + age) / HALF_LIFE) for age in (4201, -4201)])
    later = first + RETURN_SECONDS + HALF_LIFE
    assert known.at(7, later)[1] == pytest.approx(
        1 + RETURN_MARGIN * 2 ** (-(later - AT - RETURN_SECONDS) / HALF_LIFE)
    ), "and fades"
    assert tolerances(FeedbackSpan(7, NOON, NOON, (1, MAX_FACTOR))).at(7, first)[1] == MAX_FACTOR, (
        "no farther than anything else"
    )
    assert tolerances(FeedbackSpan(7, NOON, NOON + 3 * DAY, (1, 2.0))).at(7, AT + DAY)[
        1
    ] == pytest.approx(1 + RETURN_MARGIN)


def test_one_of_a_lasting_alarm_ends() -> None:
    lasting = tolerances(FeedbackSpan(7, AT - 7200, AT - 60, lasting=(2.0, 1.0)))
    assert [lasting.at(7, AT + age) for age in (0, 1, HOLD_SECONDS - 60, HOLD_SECONDS)] == [
        (1, 1),
        (2, 1),
        (2, 1),
        (1, 1),
    ]
    late = tolerances(FeedbackSpan(7, AT - 2 * HOLD_SECONDS, AT - HOLD_SECONDS, lasting=(2.0, 1.0)))
    assert late.at(7, AT + 1) == (1, 1), "it was over long ago"


def test_of_several_the_widest_counts_and_a_withdrawn_one_has_had_its_time() -> None:
    answers = [
        FeedbackEntry(
            1,
            Verdict.FALSE_ALARM,
            "",
            "",
            "",
            AT,
            (FeedbackSpan(7, NOON, NOON + 1, (1, 3.0), ended_at=AT + 100),),
        ),
        FeedbackEntry(
            2,
            Verdict.FALSE_ALARM,
            "",
            "",
            "",
            AT + 10,
            (FeedbackSpan(7, NOON, NOON + 1, (1.5, 2.0)), FeedbackSpan(8, NOON, NOON + 1, (4, 4))),
        ),
        FeedbackEntry(
            3, Verdict.REAL, "", "", "", AT, (FeedbackSpan(7, NOON, NOON + 1, (4.0, 4.0)),)
        ),
    ]
    all_of = Tolerances.of(answers)
    assert [all_of.at(7, AT + age)[1] for age in (5, 50, 99, 100)] == pytest.approx(
        [3, 3, 3, 2], rel=1e-4
    )
    assert all_of.at(7, AT + 50)[0] == pytest.approx(1.5, rel=1e-4) and all_of.at(9, AT + 50) == (
        1,
        1,
    )


def test_what_does_not_concern_a_batch_costs_nothing() -> None:
    known = tolerances(FeedbackSpan(7, NOON, NOON + 1, (1, 3.0), ended_at=AT + 60))
    ids = np.array([7])
    nobody = np.empty(0, np.int64)
    assert known.widening(np.array([1, 2]), np.array([AT + 5])) is None
    assert (
        known.widening(ids, np.array([AT - 60, AT])) is None
        and known.widening(ids, np.array([AT + 60])) is None
    )
    assert (
        known.widening(nobody, np.array([AT + 5])) is None and known.widening(ids, nobody) is None
    )
    assert NO_TOLERANCES.widening(ids, np.array([AT])) is None
