"""Spans in which samples look back over a hole: kept, joined, forgotten."""

from plugin.store import Store
from plugin.store.source_holes import forget


def test_spans_that_touch_become_one(store: Store) -> None:
    holes = store.source_holes
    assert holes.add("cpu", 100, 200) and holes.add("cpu", 400, 500) and holes.add("mem", 0, 900)
    assert holes.between("cpu", 0, 1000) == [(100, 200), (400, 500)]
    assert not holes.add("cpu", 150, 300), "it has grown"
    assert not holes.add("cpu", 300, 400), "it joins two"
    assert not holes.add("cpu", 120, 130)
    assert holes.between("cpu", 0, 1000) == [(100, 500)]
    assert holes.between("cpu", 501, 1000) == [] == holes.between("cpu", 0, 99)
    assert holes.between("cpu", 500, 500) == [(100, 500)]


def test_old_spans_are_forgotten(store: Store) -> None:
    holes = store.source_holes
    holes.add("cpu", 100, 200)
    holes.add("cpu", 400, 500)
    with store._database.writing() as connection:
        forget(connection, 201)
    assert holes.between("cpu", 0, 1000) == [(400, 500)]
