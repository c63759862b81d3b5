"""The series of the store, and what is kept of them in memory."""

from plugin.series import IntArray, Labels, SeriesState
from plugin.store import Store

DAY = 86_400


def test_labels_of_removed_series_leave_memory(store: Store, ids: IntArray) -> None:
    store.series.all()
    store.series.mark(ids[:2].tolist(), SeriesState.GONE)
    store.expire(10 * DAY, retention=DAY, versions=1)
    assert [record.id for record in store.series.all()] == [ids[2]]
    assert list(store.series._labels) == [ids[2]]


def test_a_series_that_comes_back_has_an_id_of_its_own(store: Store, ids: IntArray) -> None:
    store.series.mark(ids.tolist(), SeriesState.GONE)
    store.expire(10 * DAY, retention=DAY, versions=1)
    labels = [Labels.of({"instance": "new"}), Labels.of({"instance": "a"})]
    records = store.series.register("cpu", labels, 11 * DAY)
    assert [record.labels for record in records] == labels
    assert not {record.id for record in records} & set(ids.tolist())
