"""New levels: kept once, found by range and series, asked for by people until a tick has looked."""

import math

import numpy as np
import pytest

from plugin.series import Labels, Tick
from plugin.store import AcceptRequest, Regime, RegimeChanges, Store

AT = 1_795_219_200
ONE = (np.ones((2, 1)),) * 5


def tick(ids: list[int], time: int = AT) -> Tick:
    return Tick("web", np.array(ids), np.array([time]), *ONE, np.ones(2, np.int64))


@pytest.fixture
def ids(store: Store) -> list[int]:
    return [
        each.id
        for each in store.series.register("web", [Labels.of({"pod": pod}) for pod in "ab"], AT)
    ]


def test_a_level_is_kept_once_with_the_tick_that_accepts_it(store: Store, ids: list[int]) -> None:
    known = Regime(ids[0], AT, AT - 3600, 812.0, math.nan, "ann", "deploy")
    for _ in range(2):
        store.write([tick(ids)], "query", (AT, AT), regime_changes=RegimeChanges([known]))
    (found,) = store.regimes.between(AT, AT)
    assert (found.before, found.by, found.reason, found.since) == (
        812.0,
        "ann",
        "deploy",
        AT - 3600,
    )
    assert math.isnan(found.after)
    assert store.regimes.between(AT + 1, AT + 9) == store.regimes.between(AT, AT, [ids[1]]) == []
    assert (
        store.regimes.between(AT, AT, [ids[0]], 1) == store.regimes.between(AT, AT, limit=1) != []
    )
    assert store.regimes.counts(AT) == {"web": 1} and store.regimes.counts(AT + 1) == {}


def test_a_wish_stands_until_a_tick_has_looked(store: Store, ids: list[int]) -> None:
    first, second = (AcceptRequest(ids[0], AT, AT + 5, by, "why") for by in ("ann", "bob"))
    store.regimes.request([first])
    store.regimes.request([second, AcceptRequest(ids[1], AT, AT + 6, "bob")])
    assert store.regimes.requests("web") == [first, AcceptRequest(ids[1], AT, AT + 6, "bob")], (
        "the first one counts"
    )
    assert store.regimes.requests("other") == []
    store.write([tick(ids)], "query", (AT, AT), regime_changes=RegimeChanges(answered=[first]))
    assert [each.series_id for each in store.regimes.requests("web")] == [ids[1]]


def test_taken_back_by_its_reason(store: Store, ids: list[int]) -> None:
    store.write(
        [tick(ids)],
        "query",
        (AT, AT),
        regime_changes=RegimeChanges(
            [
                Regime(ids[0], AT, AT - 60, 1.0, 2.0, "ann", "mine"),
                Regime(ids[1], AT, AT - 60, 1.0, 2.0),
            ]
        ),
    )
    store.regimes.request([AcceptRequest(ids[0], AT, AT, "ann", "mine")])
    store.regimes.take_back(ids, "mine")
    assert store.regimes.requests("web") == [] and [
        each.series_id for each in store.regimes.between(0, AT)
    ] == [ids[1]]


def test_old_levels_expire(store: Store, ids: list[int]) -> None:
    store.write(
        [tick(ids)],
        "query",
        (AT, AT),
        regime_changes=RegimeChanges([Regime(ids[0], AT, AT - 60, 1.0, 2.0)]),
    )
    store.expire(AT + 100, retention=101, versions=3)
    assert len(store.regimes.between(0, AT)) == 1
    store.expire(AT + 102, retention=101, versions=3)
    assert store.regimes.between(0, AT) == []
