"""Windows from every source: added, ended, read again, polled; and what a restart and a reload
keep."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugin.domain.times import HOUR
from plugin.domain.windows import Window, WindowRequest
from plugin.errors import ConfigError, SourceFailed, WindowRefused
from plugin.maintenance import MaintenanceCalendar, silences
from tests.plugin.maintenance.conftest import NOW, Place
from tests.plugin.maintenance.test_calendars import BACKUP

Write = Callable[..., Path]
FILE = {"name": "file", "match": "{}", "begin": "2026-11-21T00:00", "duration": HOUR}


def new_window(start: int = NOW, **fields: Any) -> Window:
    at = datetime.fromtimestamp(start, UTC).replace(tzinfo=None).isoformat()
    return WindowRequest(
        **{"name": "w", "match": "{}", "start": at, "duration": HOUR, "created": NOW, **fields}
    ).window()


def ids(maintenance: MaintenanceCalendar) -> list[str]:
    return [other.id for other in maintenance.windows()]


def test_given_twice_it_is_there_once_and_a_restart_keeps_it(place: Place) -> None:
    maintenance = place.made()
    window = new_window()
    assert maintenance.add(window) == (window, True)
    assert maintenance.add(replace(window, by="another", created=NOW + 5)) == (window, False)
    assert place.made().windows() == (window,)
    with pytest.raises(WindowRefused, match="which is another window"):
        maintenance.add(new_window(id=window.id, duration=2 * HOUR))


def test_one_that_runs_ends_now(place: Place) -> None:
    maintenance = place.made()
    window = new_window(rule="FREQ=DAILY")
    maintenance.add(window)
    place.now += 600
    ended = replace(window, ended=place.now, ended_by="eva")
    assert maintenance.end(window.id, author="eva") == ended == place.made().windows()[0]
    assert window.seconds == HOUR and maintenance.windows()[0].spans(0, NOW + 10 * 86_400) == [
        (NOW, NOW + 600)
    ]
    with pytest.raises(WindowRefused, match="which has been ended by eva at 2026-11-21T00:10:00Z"):
        maintenance.end(window.id)
    with pytest.raises(WindowRefused, match="which has been ended"):
        maintenance.add(window)


def test_one_to_come_goes_and_one_that_would_come_again_keeps_its_past(place: Place) -> None:
    maintenance = place.made()
    future = new_window(NOW + HOUR)
    again = new_window(NOW - 2 * HOUR + 7200, rule="FREQ=DAILY")
    for other in (future, again):
        maintenance.add(other)
    assert maintenance.end(future.id) is not None and ids(maintenance) == [again.id]
    place.now += 3 * HOUR  # between two occurrences
    assert maintenance.end(again.id) == replace(again, ended=place.now)
    assert maintenance.windows()[0].spans(0, NOW + 10 * 86_400) == [(NOW, NOW + HOUR)]


def test_what_is_over_kept_elsewhere_or_unknown_is_not_ended(place: Place) -> None:
    maintenance = place.made(windows=[FILE])
    past = new_window(name="past")
    maintenance.add(past)
    place.now += 2 * HOUR
    for id, said in (
        (past.id, "which is over"),
        (maintenance.windows()[0].id, "which is from config"),
    ):
        with pytest.raises(WindowRefused, match=said):
            maintenance.end(id)
    assert maintenance.end("unknown") is None


def test_a_reload_changes_what_is_in_files_and_keeps_what_was_added(place: Place) -> None:
    maintenance = place.made(windows=[FILE])
    window = new_window()
    maintenance.add(window)
    before = maintenance.windows()
    assert maintenance.windows() is before and [other.source for other in before] == [
        "config",
        "api",
    ]
    maintenance.use(maintenance.plan(place.made()._plan.settings))
    assert maintenance.windows() == (window,)


def test_a_broken_calendar_is_an_error_at_the_start(place: Place, tmp_path: Path) -> None:
    (tmp_path / "plan.ics").write_text("hello")
    for path in (tmp_path / "plan.ics", tmp_path / "gone.ics"):
        with pytest.raises(ConfigError, match=r"maintenance.calendars: .*\.ics"):
            place.made(calendars=[str(path)])


def test_a_calendar_is_read_again_and_a_broken_one_leaves_the_old(
    place: Place, calendar: Write
) -> None:
    path = calendar(BACKUP, name="folder/a.ics")
    maintenance = place.made(calendars=[str(path.parent)])
    first = maintenance.windows()
    maintenance.run()
    assert maintenance.windows() is first and len(first) == 1
    path.write_text("broken")
    for times in (1, 2):  # counted for as long as it lasts
        maintenance.run()
        assert maintenance.windows() is first and place.failures("calendar", "invalid") == times
    calendar(BACKUP.replace("UID:a", "UID:b"), name="folder/a.ics")
    calendar(BACKUP, name="folder/c.ics")
    maintenance.run()
    assert len(maintenance.windows()) == 2 and first[0].id in ids(maintenance)
    path.unlink()
    maintenance.run()
    assert [other.source for other in maintenance.windows()] == [str(path.parent / "c.ics")]
    os.rename(path.parent, path.parent.with_name("gone"))
    maintenance.run()
    assert len(maintenance.windows()) == 1 and place.failures("calendar", "unreadable") == 1


def test_silences_come_change_go_and_are_remembered(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Window] = []
    settings = {"alertmanagers": [{"url": "http://a:9093"}]}
    monkeypatch.setattr(silences, "fetch_silences", lambda settings: list(listed))
    maintenance = place.made(**settings)
    one, two = (
        replace(new_window(id=name), source="http://a:9093", alerts=True) for name in ("one", "two")
    )
    listed[:] = [one, two]
    maintenance.run()
    assert maintenance.windows() == (one, two)
    before = maintenance.windows()
    maintenance.run()
    assert maintenance.windows() is before
    place.now += 600
    listed[:] = [replace(one, seconds=900)]  # made shorter; the other one has gone
    maintenance.run()
    assert {other.id: other.spans(0, 2**40) for other in maintenance.windows()} == {
        "one": [(NOW, NOW + 900)],
        "two": [(NOW, NOW + 600)],
    }
    listed[:] = []
    place.now += 3600
    maintenance.run()
    assert place.made(**settings).windows() == maintenance.windows(), (
        "what they masked stays masked"
    )
    with pytest.raises(WindowRefused, match="which is from http://a:9093"):
        maintenance.end("one")


def test_an_alertmanager_that_fails_is_counted_and_one_that_is_asked_no_more_silences_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = replace(new_window(id="one"), source="http://a:9093", alerts=True)
    monkeypatch.setattr(silences, "fetch_silences", lambda settings: [silent])
    maintenance = place.made(alertmanagers=[{"url": "http://a:9093"}])
    maintenance.run()

    def fail(settings: object) -> list[Window]:
        raise SourceFailed("unavailable", "down")

    monkeypatch.setattr(silences, "fetch_silences", fail)
    maintenance.run()
    assert maintenance.windows() == (silent,) and place.failures("alertmanager", "unavailable") == 1
    place.now += 60
    maintenance.use(maintenance.plan(place.made()._plan.settings))
    maintenance.run()
    assert maintenance.windows()[0].spans(0, 2**40) == [(NOW, NOW + 60)]


def test_a_silence_taken_back_before_its_time_never_was(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = replace(new_window(NOW + HOUR, id="one"), source="http://a:9093", alerts=True)
    maintenance = place.made(alertmanagers=[{"url": "http://a:9093"}])
    for silence in (pending, replace(pending, seconds=0)):
        monkeypatch.setattr(silences, "fetch_silences", lambda settings, silence=silence: [silence])
        maintenance.run()
    assert maintenance.windows() == () == place.made().windows()


def test_what_covers_nothing_that_is_kept_is_forgotten(place: Place) -> None:
    maintenance = place.made()
    old = new_window(name="old")
    endless = new_window(name="endless", rule="FREQ=DAILY")
    for other in (old, endless):
        maintenance.add(other)
    maintenance.forget(NOW + HOUR - 1)
    assert len(maintenance.windows()) == 2
    maintenance.forget(NOW + HOUR)
    assert maintenance.windows() == (endless,) == place.made().windows()


def test_a_gauge_tells_how_many_run(place: Place) -> None:
    maintenance = place.made(windows=[FILE])
    maintenance.add(new_window(NOW + HOUR))
    maintenance.run()
    assert [
        place.metrics.maintenance_active.labels(source)._value.get() for source in ("config", "api")
    ] == [1, 0]
