"""Answers in the store: kept once, replaced, taken in, withdrawn, forgotten; and what others read
of them."""

from typing import Any

import numpy as np
import pytest

from plugin.domain.tolerances import FeedbackSpan, Verdict
from plugin.errors import StoreError
from plugin.series import IntArray
from plugin.store import FeedbackNote, Store
from plugin.store.feedback import MIN_RETENTION_SECONDS, Receipt
from tests.plugin.store.test_alarms import alarm, write

FALSE = Verdict.FALSE_ALARM
REAL = Verdict.REAL
NORMAL = Verdict.NEW_NORMAL


def give(
    store: Store, verdict: Verdict, *parts: FeedbackSpan, at: int = 1000, **note: Any
) -> Receipt:
    return store.feedback.give(verdict, parts, FeedbackNote(**{"by": "anna", "at": at, **note}))


def states(store: Store) -> list[tuple[int, int, int | None]]:
    """(answer, series, when its effect has ended)."""
    return [
        (answer.id, part.series_id, part.ended_at)
        for answer in store.feedback.between(0, 10**9)
        for part in answer.parts
    ]


def test_an_answer_is_read_as_it_was_given(store: Store, ids: IntArray) -> None:
    parts = (
        FeedbackSpan(1, 60, 120, (1.0, 2.0), (3.0, 1.0)),
        FeedbackSpan(1, 300, 360),
        FeedbackSpan(3, 60, 90),
    )
    given = give(store, FALSE, *parts, incident="cpu-60", comment="a test", at=500)
    assert store.feedback.between(0, 10**9) == [given.answer] and given.answer.parts == parts
    assert (given.answer.incident, given.answer.comment, given.answer.by, given.answer.at) == (
        "cpu-60",
        "a test",
        "anna",
        500,
    )
    assert (
        store.feedback.between(121, 300) == [given.answer]
        and store.feedback.between(121, 299) == []
    )
    assert store.feedback.between(361, 10**9) == []
    assert store.feedback.between(0, 10**9, np.array([2])) == []
    assert (
        store.feedback.of("cpu", FALSE) == [given.answer] and store.feedback.of("cpu", REAL) == []
    )
    assert store.feedback.of("disk", FALSE) == []


def test_the_same_again_is_one(store: Store, ids: IntArray) -> None:
    first = give(store, REAL, FeedbackSpan(1, 60, 120), FeedbackSpan(2, 60, 120))
    for parts in (
        (FeedbackSpan(1, 60, 120), FeedbackSpan(2, 60, 120)),
        (FeedbackSpan(2, 90, 100),),
    ):
        again = give(store, REAL, *parts, at=2000)
        assert again.again and again.answer.id == first.answer.id
    assert states(store) == [(1, 1, None), (1, 2, None)]


def test_one_of_a_longer_time_takes_it_in(store: Store, ids: IntArray) -> None:
    give(store, FALSE, FeedbackSpan(1, 60, 120, (1, 2)))
    grown = give(store, FALSE, FeedbackSpan(1, 60, 180, (1, 3)), at=2000)
    assert (grown.again, grown.replaced) == (False, ()) and states(store) == [
        (1, 1, 2000),
        (2, 1, None),
    ]


def test_a_contradiction_replaces_for_its_series_alone(store: Store, ids: IntArray) -> None:
    give(store, FALSE, FeedbackSpan(1, 60, 120), FeedbackSpan(2, 60, 120))
    other = give(store, REAL, FeedbackSpan(1, 120, 300), at=2000, by="ben")
    assert other.replaced == (1,) and states(store) == [(1, 1, 2000), (1, 2, None), (2, 1, None)]
    assert [answer.in_force for answer in store.feedback.between(0, 10**9)] == [True, True]
    give(store, NORMAL, FeedbackSpan(2, 0, 100), at=3000, by="ben")
    first = store.feedback.between(0, 10**9)[0]
    assert (first.withdrawn_at, first.withdrawn_by) == (3000, "ben")
    assert give(store, REAL, FeedbackSpan(1, 301, 400), at=4000).replaced == (), (
        "another time is another matter"
    )


def test_withdrawn_is_over_but_not_gone(store: Store, ids: IntArray) -> None:
    give(store, FALSE, FeedbackSpan(1, 60, 120, (1, 2)), at=1000)
    before = store.feedback.withdraw(1, author="ben", time=5000)
    assert before is not None and before.in_force
    again = store.feedback.withdraw(1, author="eve", time=6000)
    assert again is not None and (again.withdrawn_at, again.withdrawn_by) == (5000, "ben")
    assert store.feedback.withdraw(9, author="ben", time=1) is None
    known = store.feedback.tolerances("cpu")
    assert [known.at(1, time)[1] > 1 for time in (1000, 1001, 4999, 5000)] == [
        False,
        True,
        True,
        False,
    ]
    assert give(store, FALSE, FeedbackSpan(1, 60, 120), at=7000).answer.id == 2, (
        "and can be said again"
    )


def test_an_unknown_series_leaves_no_trace(store: Store, ids: IntArray) -> None:
    with pytest.raises(StoreError, match="no such series"):
        give(store, REAL, FeedbackSpan(1, 60, 120), FeedbackSpan(99, 60, 120))
    assert states(store) == []


def test_a_range_grows_with_the_alarm_that_it_is_about(store: Store, ids: IntArray) -> None:
    write(store, ids, 240, alarm(1, 60, 240, open=True), alarm(1, 600, 660))
    give(store, REAL, FeedbackSpan(1, 60, 120), FeedbackSpan(3, 0, 50))
    give(store, NORMAL, FeedbackSpan(2, 60, 120))
    assert (
        store.feedback.real("cpu") == [(1, 60, 240), (3, 0, 50)]
        and store.feedback.real("disk") == []
    )
    write(store, ids, 300, alarm(1, 60, 300))
    assert store.feedback.real("cpu")[0] == (1, 60, 300) and store.feedback.normal("cpu") == [
        (2, 60, 120)
    ]
    store.feedback.withdraw(1, author="", time=2000)
    assert store.feedback.real("cpu") == []


def test_an_answer_outlives_retention_by_far_and_no_series(store: Store, ids: IntArray) -> None:
    give(store, FALSE, FeedbackSpan(1, 60, 120), at=1000)
    store.expire(1000 + MIN_RETENTION_SECONDS, retention=3600, versions=3)
    assert states(store) == [(1, 1, None)]
    store.expire(1001 + MIN_RETENTION_SECONDS, retention=3600, versions=3)
    assert states(store) == []
