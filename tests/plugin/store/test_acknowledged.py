"""An incident that was answered as nothing is over, and does not swallow what comes after it."""

from dataclasses import replace

import pytest

from plugin.config.groups import Group
from plugin.domain.tolerances import FeedbackSpan, Verdict
from plugin.store import FeedbackNote, Store
from plugin.store.server import DatabaseServer
from tests.plugin.store.test_incidents import EVER, GAP, SHOP, alarm, members, write
from tests.plugin.store.test_incidents import store as store  # api: 1 to 4, db: 5 and 6

FALSE = Verdict.FALSE_ALARM
NORMAL = Verdict.NEW_NORMAL
REAL = Verdict.REAL


def answer(store: Store, at: int, *series: int, verdict: Verdict = FALSE, start: int = 600) -> int:
    parts = [FeedbackSpan(each, start, at) for each in series]
    return store.feedback.give(verdict, parts, FeedbackNote("anna", at)).answer.id


def still_open(store: Store) -> list[str]:
    return [each.id for each in store.incidents.open("shop")]


@pytest.mark.parametrize("verdict", [FALSE, NORMAL])
def test_it_closes_with_the_next_tick_and_what_begins_then_is_another(
    store: Store, verdict: Verdict
) -> None:
    write(store, 700, alarm(1, 600, 700, open=True))
    answer(store, 730, 1, verdict=verdict)
    write(store, 760)
    assert still_open(store) == [], "although its alarm has not ended"
    write(store, 1060, alarm(1, 600, 700))
    assert still_open(store) == []
    assert write(store, 1300, alarm(1, 1300, 1300, open=True)) == 1
    assert still_open(store) == ["shop-1300"]
    write(store, 1360, alarm(1, 1300, 1360, open=True), alarm(5, 1360, 1360, open=True))
    assert still_open(store) == ["shop-1300"] and members(store) == {
        "shop-600": [1],
        "shop-1300": [1, 5],
    }


def test_a_restart_and_a_catch_up_find_the_same(
    store: Store, server: DatabaseServer | None
) -> None:
    write(store, 700, alarm(1, 600, 700, open=True))
    answer(store, 730, 1)
    folder = store.folder
    store.close()
    store = Store.open(folder, server=server)
    changed = alarm(1, 600, 720), alarm(1, 1300, 1400), alarm(2, 1450, 1500, open=True)
    assert [write(store, 1500, *changed) for _ in range(2)] == [1, 0]
    assert still_open(store) == ["shop-1300"] and members(store) == {
        "shop-600": [1],
        "shop-1300": [1, 2],
    }
    store.close()


def test_one_alarm_that_nobody_has_answered_keeps_it_open(store: Store) -> None:
    write(store, 700, alarm(1, 600, 700), alarm(2, 640, 640))
    answer(store, 730, 1)
    answer(store, 740, 2, verdict=REAL)
    write(store, 760)
    assert still_open(store) == ["shop-600"]
    assert write(store, 800, alarm(5, 800, 800, open=True)) == 0
    answer(store, 830, 2, 5)
    write(store, 860)
    assert still_open(store) == []


def test_an_alarm_that_goes_on_beyond_what_is_tolerated_opens_it_again(store: Store) -> None:
    write(store, 700, alarm(1, 600, 700, open=True))
    answer(store, 730, 1)
    slow = replace(SHOP, lag=120)
    write(store, 850, alarm(1, 600, 850, open=True), group=slow)
    assert still_open(store) == [], "persistence still counts samples from before the answer"
    assert write(store, 870, alarm(2, 870, 870, open=True), group=slow) == 1
    write(store, 910, alarm(1, 600, 910, open=True), group=slow)
    assert still_open(store) == ["shop-600"] and members(store) == {"shop-600": [1, 2]}, (
        "they are one after all"
    )
    answer(store, 930, 1, 2)
    write(store, 960, group=slow)
    assert still_open(store) == [], "an answer to what it is by now"


@pytest.mark.parametrize(("verdict", "open"), [(FALSE, ["shop-600"]), (NORMAL, [])])
def test_a_new_normal_has_a_sample_more_with_which_it_is_accepted(
    store: Store, verdict: Verdict, open: list[str]
) -> None:
    minutely = replace(SHOP, step=60)
    write(store, 700, alarm(1, 600, 700, open=True), group=minutely)
    answer(store, 730, 1, verdict=verdict)
    write(store, 760, alarm(1, 600, 760, open=True), group=minutely)
    assert still_open(store) == open
    write(store, 820, alarm(1, 600, 820, open=True), group=minutely)
    assert still_open(store) == ["shop-600"], "it goes on"


def test_what_a_late_watch_saw_before_the_answer_belongs_to_it(store: Store) -> None:
    write(store, 700, alarm(1, 600, 700))
    answer(store, 730, 1)
    assert write(store, 760) == 0 and still_open(store) == []
    assert write(store, 720, alarm(5, 720, 720, open=True), watch="db") == 0
    assert still_open(store) == ["shop-600"], "nobody has answered that"


def test_an_answer_that_is_withdrawn_has_no_effect_any_more(store: Store) -> None:
    write(store, 700, alarm(1, 600, 700, open=True))
    id = answer(store, 730, 1)
    write(store, 760)
    assert write(store, 800, alarm(5, 800, 800, open=True), watch="db") == 1
    store.feedback.withdraw(id, author="anna", time=830)
    assert write(store, 860, alarm(6, 860, 860, open=True), watch="db") == 0
    assert sorted(members(store).values()) == [[1], [5, 6]], (
        "what began under the answer stays another incident"
    )
    write(store, 880, alarm(1, 600, 880, open=True))
    assert still_open(store) == ["shop-600"] and members(store) == {"shop-600": [1, 5, 6]}


def test_withdrawn_before_anything_began_it_is_as_if_never_given(store: Store) -> None:
    write(store, 700, alarm(1, 600, 700, open=True))
    id = answer(store, 730, 1)
    write(store, 760)
    store.feedback.withdraw(id, author="anna", time=790)
    write(store, 790)
    assert still_open(store) == [], "nothing is outside"
    assert write(store, 1500, alarm(2, 1500, 1500, open=True)) == 0
    assert still_open(store) == ["shop-600"]


def test_labels_and_other_groups_are_left_alone(store: Store) -> None:
    zoned = Group("api", ("zone",), ("api",), GAP)
    write(store, 700, alarm(1, 600, 700), alarm(3, 600, 700), group=zoned)
    answer(store, 730, 1)
    write(store, 760, group=zoned)
    (opened,) = store.incidents.open("api")
    assert opened.labels.get("zone") == "b" and len(store.incidents.between(*EVER)) == 2


def test_open_alarms_that_are_answered_as_nothing_are_told_with_the_time(store: Store) -> None:
    opened = [alarm(id, 600, 700, open=True) for id in (1, 2, 3, 4)]
    write(store, 700, *opened, alarm(5, 600, 660))
    answer(store, 730, 1, 5)
    answer(store, 740, 2, verdict=NORMAL)
    answer(store, 750, 3, verdict=REAL)
    withdrawn = answer(store, 760, 4)
    assert store.alarms.answered(opened) == {1: 730, 2: 740, 4: 760}
    store.feedback.withdraw(withdrawn, author="anna", time=770)
    assert store.alarms.answered(opened) == {1: 730, 2: 740}
    assert store.alarms.answered([]) == {} and store.alarms.answered(opened[2:3]) == {}
