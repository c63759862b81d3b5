"""Pages per incident, on arrays small enough to count by hand."""

import math

import numpy as np
import pytest

from detectors.evaluate import Marks, mark_series
from detectors.pages import Pages, pages

LENGTH = 400


def marks(*labels: range, above: tuple[range, ...], neither: range = range(0)) -> Marks:
    """Labels of 1 where incidents are, and scores above 1."""
    label = np.zeros(LENGTH, np.int64)
    score = np.zeros(LENGTH)
    for each in labels:
        label[each] = 1
    label[neither] = -1
    for each in above:
        score[each] = 2.0
    return mark_series(score, label, np.ones(LENGTH, bool))


def test_an_alarm_that_falls_apart_pages_again() -> None:
    torn = marks(range(100, 260), above=(range(101, 105), range(140, 145), range(200, 202)))
    assert (
        pages(torn) == Pages(pages=3, false=0, paged=1, caught=1, own=1)
        and pages(torn).per_incident == 3
    )
    near = marks(range(100, 260), above=(range(101, 105), range(130, 145), range(200, 202)))
    assert pages(near) == Pages(2, 0, 1, 1, 1), "30 minutes are bridged, an hour is not"


def test_what_belongs_to_none_is_false() -> None:
    found = marks(
        range(100, 110),
        above=(range(100, 101), range(140, 141), range(200, 201)),
        neither=range(199, 202),
    )
    assert pages(found) == Pages(1, 1, 1, 1, 1), "what touches -1 is neither"


def test_a_page_that_goes_on_is_not_that_of_the_next() -> None:
    near = (range(100, 120), range(160, 180))
    assert pages(marks(*near, above=(range(100, 110), range(162, 170)))) == Pages(2, 0, 2, 2, 2)
    assert pages(marks(*near, above=(range(100, 135), range(162, 170)))) == Pages(1, 0, 2, 2, 1)
    assert pages(marks(*near, above=(range(100, 175),))) == Pages(1, 0, 2, 2, 1)


def test_one_that_is_seen_late_is_paged_and_not_caught() -> None:
    assert pages(marks(range(100, 160), above=(range(150, 155),))) == Pages(1, 0, 1, 0, 0)


@pytest.mark.parametrize("labels", [(), (range(100, 110),)])
def test_nothing_paged(labels: tuple[range, ...]) -> None:
    found = pages(marks(*labels, above=()))
    assert found == Pages() and math.isnan(found.per_incident)
    assert Pages(1, 2, 3, 4, 5) + Pages(1, 1, 1, 1, 1) == Pages(2, 3, 4, 5, 6)
