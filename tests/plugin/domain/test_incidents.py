"""Which alarms are one incident, who is first and worst in it, and what its alerts carry."""

from dataclasses import replace

import numpy as np
import pytest

from plugin.config import Watch
from plugin.config.groups import Group, groups, shared_labels
from plugin.domain.alarms import Alarm, hold_seconds
from plugin.domain.incidents import Incident, join_alarms, new_incident
from plugin.series import Labels

SHOP = Labels.of({"service": "shop"})
GAP_SECONDS = hold_seconds(60)


def alarm(series: int, start: int, end: int, score: float = 2.0, *, open: bool = False) -> Alarm:
    return Alarm(
        series,
        start,
        end,
        open,
        1,
        start,
        score,
        10 + score,
        10.0,
        9.0,
        np.inf,
        1 if series % 2 else -1,
    )


def watch(name: str, **settings: object) -> Watch:
    return Watch.model_validate({"name": name, "query": "up", **settings})


def parts(known: list[Incident], *new: Alarm) -> list[tuple[list[str], list[int]]]:
    return [
        ([item.id for item in old], [item.series_id for item in more])
        for old, more in join_alarms(known, new, GAP_SECONDS)
    ]


def test_alarms_that_are_close_in_time_are_one() -> None:
    first = alarm(1, 1000, 4000)
    inside = alarm(2, 1500, 2000)
    edge = alarm(3, 4000 + GAP_SECONDS, 5000)
    assert parts([], edge, inside, first) == [([], [1, 2, 3])]
    assert parts([], first, inside, replace(edge, start=edge.start + 1)) == [
        ([], [1, 2]),
        ([], [3]),
    ]


def test_a_new_alarm_finds_the_incident_that_is_there_and_may_show_that_two_are_one() -> None:
    early, late = (new_incident("web", SHOP, [alarm(1, at, at + 100)]) for at in (1000, 4000))
    assert parts([early, late], alarm(2, 1200, 1300)) == [([early.id], [2])]
    assert parts([early, late], alarm(2, 9000, 9000)) == [([], [2])]
    assert parts([late, early], alarm(2, 2500, 2900)) == [([early.id, late.id], [2])], (
        "the older comes first"
    )
    assert parts([early, late]) == []
    assert parts([early._replace(end=2200), late]) == [([early.id, late.id], [])], (
        "one that has grown up to the next"
    )


def test_the_first_is_who_moved_first_and_the_worst_who_went_farthest() -> None:
    result = new_incident(
        "web", Labels(()), [alarm(4, 600, 900), alarm(3, 600, 700, 5.0), alarm(2, 540, 540, 1.5)]
    )
    assert (result.id, result.start, result.end, result.first, result.worst) == (
        "web-540",
        540,
        900,
        2,
        3,
    )
    assert (result.peak_time, result.peak_score, result.peak_value, result.direction) == (
        600,
        5.0,
        15.0,
        1,
    )
    assert (
        new_incident("web", SHOP, [alarm(1, 600, 700), alarm(1, 800, 900), alarm(2, 600, 600)]).size
        == 2
    ), "series"
    grown = result.with_alarms([alarm(4, 600, 2000, 7.0), alarm(5, 540, 600, 3.0)])
    assert (grown.id, grown.start, grown.end) == ("web-540", 540, 2000)
    assert (grown.first, grown.worst, grown.direction) == (5, 4, -1), (
        "of two that moved at once, the one farther out"
    )
    assert grown.with_alarms([alarm(4, 600, 900, 7.0)]) == grown, (
        "what was seen before changes nothing"
    )


def test_what_was_merged_has_the_first_and_the_worst_of_both() -> None:
    older = new_incident("web", SHOP, [alarm(1, 600, 700, 3.0)])
    younger = new_incident("web", SHOP, [alarm(2, 5000, 6000, 9.0)])
    whole = older.with_merged(younger)
    assert (whole.id, whole.start, whole.end, whole.first, whole.worst) == (
        older.id,
        600,
        6000,
        1,
        2,
    )
    assert (whole.peak_score, whole.direction) == (9.0, -1)


def test_names_tell_groups_with_labels_apart() -> None:
    names = {
        new_incident("web", Labels.of({"service": item}), [alarm(1, 600, 700)]).id
        for item in ("a", "b", "")
    }
    assert len(names) == 3 and "web-600" in names


def test_a_group_is_a_watch_or_those_that_share_a_name() -> None:
    result = groups(
        [
            watch("a", incident_group="shop", group_by=["zone", "job"]),
            watch("b"),
            watch("c", incident_group="shop", group_by=["job", "zone"], step="10m"),
            watch("shop", step="1m"),
        ]
    )
    assert (
        result["a"]
        == result["c"]
        == result["shop"]
        == Group("shop", ("job", "zone"), ("a", "c", "shop"), 3600, step=600)
    )
    assert result["b"] == Group("b", (), ("b",), GAP_SECONDS, step=60)


def test_an_absent_label_is_equal_to_an_empty_one() -> None:
    group = Group("web", ("job", "zone"), ("web",), GAP_SECONDS)
    labels = Labels.of({"job": "api", "instance": "a"})
    assert (
        group.labels(labels) == Labels.of({"job": "api", "zone": ""}) == Labels.of({"job": "api"})
    )


@pytest.mark.parametrize(
    ("severities", "highest"),
    [
        (["ticket", "page"], "page"),
        (["ticket", "warning", "critical"], "critical"),
        (["ticket", "ticket"], "ticket"),
    ],
)
def test_the_highest_severity_and_what_all_have_alike(severities: list[str], highest: str) -> None:
    watches = [
        watch(f"w{i}", labels={"severity": item, "team": "web", "part": str(i)})
        for i, item in enumerate(severities)
    ]
    assert shared_labels(watches) == {"severity": highest, "team": "web"}
    assert shared_labels([watch("alone")]) == {"severity": "ticket"}


def test_the_lag_of_a_group_is_that_of_its_slowest_persistence() -> None:
    shared = {"incident_group": "x"}
    made = groups(
        [watch("a", step=60, persistence=(2, 3), **shared), watch("b", step=30, **shared)]
    )
    assert made["a"].lag == 120 and groups([watch("c")])["c"].lag == 0
