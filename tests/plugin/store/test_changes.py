"""Changes are kept as they are given, until retention ends."""

from plugin.domain.changes import Change
from plugin.series import Labels
from plugin.store import Store

DAY = 86_400


def change(name: str, time: int, **labels: str) -> Change:
    return Change(name, time, f"title of {name}", Labels.of(labels), "https://ci", "eva", time + 1)


def test_changes_are_kept_as_they_are(store: Store) -> None:
    later = change("b", 200, job='"ä"', code="5")
    earlier = change("a", 100)
    assert store.changes.add(later) == (later, True)
    assert store.changes.add(earlier) == (earlier, True)
    assert store.changes.between() == [earlier, later]
    assert store.changes.between(101, 200) == [later]
    assert store.changes.between(0, 199) == [earlier]
    assert store.changes.between(limit=1) == [later], "the latest"


def test_one_id_is_one_change(store: Store) -> None:
    first = change("a", 100)
    store.changes.add(first)
    assert store.changes.add(change("a", 500)) == (first, False)
    assert store.changes.between() == [first]


def test_removed(store: Store) -> None:
    one = change("a", 100)
    store.changes.add(one)
    assert store.changes.remove("b") is None
    assert store.changes.remove("a") == one
    assert store.changes.between() == []


def test_retention_is_that_of_incidents(store: Store) -> None:
    kept = change("b", 2 * DAY)
    store.changes.add(change("a", 2 * DAY - 1))
    store.changes.add(kept)
    store.expire(3 * DAY, retention=DAY, versions=3)
    assert store.changes.between() == [kept]
