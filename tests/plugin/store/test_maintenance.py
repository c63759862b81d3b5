"""Windows are kept as they are given."""

from dataclasses import replace
from pathlib import Path

from plugin.domain.windows import WindowRequest
from plugin.store import Store
from plugin.store.server import DatabaseServer


def test_windows_are_kept_as_they_are(tmp_path: Path, server: DatabaseServer | None) -> None:
    one = WindowRequest(
        name='it\'s "one"',
        match='{job="ä"}',
        watch=("web", "node"),
        start="2026-11-21T02:00",
        duration=60,
        rule="FREQ=DAILY\nEXDATE:20261122T020000",
        timezone="Europe/Vienna",
        before=1,
        after=2,
        comment="c",
        by="b",
        created=5,
    ).window()
    two = replace(
        WindowRequest(
            name="two", match="{}", start="2026-11-21T02:00Z", duration=60, created=4
        ).window(),
        alerts=True,
        source="http://a",
    )
    store = Store.open(tmp_path, server=server)
    store.maintenance.put([one, two])
    store.maintenance.put([one, replace(two, ended=9, ended_by="eva")])
    store.close()
    store = Store.open(tmp_path, server=server)
    assert store.maintenance.all() == [replace(two, ended=9, ended_by="eva"), one]
    store.maintenance.remove([one.id, "unknown"])
    store.maintenance.put([])
    assert [each.id for each in store.maintenance.all()] == [two.id]
    store.close()
