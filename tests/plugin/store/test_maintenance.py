"""Windows are kept as they are given."""

from dataclasses import replace
from pathlib import Path

from plugin.domain.windows import window
from plugin.store import Store


def test_windows_are_kept_as_they_are(tmp_path: Path) -> None:
    one = window(
        name='it\'s "one"',
        match='{job="ä"}',
        watch=("web", "node"),
        begin="2026-11-21T02:00",
        duration=60,
        rule="FREQ=DAILY\nEXDATE:20261122T020000",
        timezone="Europe/Vienna",
        before=1,
        after=2,
        comment="c",
        by="b",
        created=5,
    )
    two = replace(
        window(name="two", match="{}", begin="2026-11-21T02:00Z", duration=60, created=4),
        alerts=True,
        source="http://a",
    )
    store = Store.open(tmp_path)
    store.windows.put([one, two])
    store.windows.put([one, replace(two, ended=9, ended_by="eva")])
    store.close()
    store = Store.open(tmp_path)
    assert store.windows.all() == [replace(two, ended=9, ended_by="eva"), one]
    store.windows.remove([one.id, "unknown"])
    store.windows.put([])
    assert [each.id for each in store.windows.all()] == [two.id]
    store.close()
