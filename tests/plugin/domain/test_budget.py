"""A budget and what was made of it; a suggestion in words."""

from functools import reduce

import pytest

from plugin.domain.budget import AlarmTotals, Spending, Suggestion

# samples of a week, seconds
WEEK = 10_080
STEP = 60
BUDGET = 1 / (7 * 86_400)


@pytest.mark.parametrize(
    ("scored", "alarms", "promised", "spent"),
    [
        (4 * WEEK, 6, 4.0, 1.5),
        (WEEK, 0, 1.0, 0.0),
        (
            WEEK / 7,
            2,
            1 / 7,
            2.0,
        ),  # nobody raises a seventh of an alarm: the first one is what was promised
        (0, 1, 0.0, 1.0),
    ],
)
def test_what_was_promised_is_for_the_time_that_was_scored(
    scored: float, alarms: int, promised: float, spent: float
) -> None:
    found = Spending.of(AlarmTotals(alarms, 3 * alarms), scored, BUDGET, STEP)
    assert found.promised == pytest.approx(promised) and found.spent == pytest.approx(spent)
    assert found.seconds_outside == 180 * alarms


def test_several_series_together() -> None:
    found = [
        Spending(AlarmTotals(2, 5, 3.5, 700), 0.5, 300.0, 9.0),
        Spending(AlarmTotals(), 0.7, 0.0, 2.0),
        Spending(AlarmTotals(1, 1, 9.0, 60), 0.8, 60.0, 0.0),
    ]
    assert reduce(Spending.plus, found) == Spending(AlarmTotals(3, 6, 9.0, 700), 2.0, 360.0, 11.0)
    assert Spending().plus(found[1]) == found[1]


@pytest.mark.parametrize(
    ("suggestion", "words"),
    [
        (
            Suggestion("min_deviation: 5", 9, 11, 0, True),
            "`min_deviation: 5` would have removed 9 of 11 alarms, none marked real",
        ),
        (
            Suggestion("alert_budget: 1/30d", 9, 11, 2, False),
            (
                "`alert_budget: 1/30d` would have removed about 9 of 11 alarms and kept all 2"
                " marked real"
            ),
        ),
        (
            Suggestion("persistence: 2 of 3", 3, 4, 1, True),
            "`persistence: 2 of 3` would have removed 3 of 4 alarms and kept the one marked real",
        ),
    ],
)
def test_in_words(suggestion: Suggestion, words: str) -> None:
    assert str(suggestion) == words
