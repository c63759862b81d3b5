"""Answers as masks: real is not learnt from, a new normal is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.domain.intervals import Interval
from plugin.domain.tolerances import FeedbackSpan, Verdict
from plugin.jobs.feedback_masks import FeedbackMasks
from plugin.series import Labels
from plugin.store import FeedbackNote, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("holes", "left"),
    [
        ([], [(10, 50)]),
        ([(0, 9)], [(10, 50)]),
        ([(0, 10)], [(11, 50)]),
        ([(20, 30)], [(10, 19), (31, 50)]),
        ([(50, 60)], [(10, 49)]),
        ([(0, 99)], []),
        ([(20, 30), (25, 40)], [(10, 19), (41, 50)]),
    ],
)
def test_what_is_left_of_a_mask(holes: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    others = [Interval(2, 0, 99), *(Interval(1, *hole) for hole in holes)]
    assert Interval(1, 10, 50).without(others) == [Interval(1, *each) for each in left]


def test_real_masks_new_normal_unmasks_and_both_can_be_taken_back(store: Store) -> None:
    records = store.series.register("cpu", [Labels.of({"instance": name}) for name in "ab"], 0)
    store.series.register("disk", [Labels.of({})], 0)
    planned = [Interval(2, 0, 100)]
    masks = FeedbackMasks("cpu", store, lambda records, start, end: planned)
    for verdict, part in (
        (Verdict.REAL, FeedbackSpan(1, 60, 120)),
        (Verdict.REAL, FeedbackSpan(3, 60, 120)),
        (Verdict.FALSE_ALARM, FeedbackSpan(1, 500, 600)),
        (Verdict.NEW_NORMAL, FeedbackSpan(2, 50, 200)),
    ):
        store.feedback.give(verdict, [part], FeedbackNote(by="", at=1000))
    assert masks(records, 0, 1000) == [Interval(2, 0, 49), Interval(1, 60, 120)]
    assert masks(records, 50, 1000) == [Interval(1, 60, 120)] and masks(records, 121, 1000) == []
    assert masks(records[1:], 0, 1000) == [Interval(2, 0, 49)]
    store.feedback.withdraw(1, author="", time=2000)
    store.feedback.withdraw(4, author="", time=2000)
    assert masks(records, 0, 1000) == planned
