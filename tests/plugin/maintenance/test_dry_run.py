"""What `bandwatch check` says of calendars and windows, all of them, whatever becomes of one."""

import io
from collections.abc import Callable
from pathlib import Path

from plugin.config import Config, MaintenanceSettings, PrometheusSettings, Watch
from plugin.maintenance import dry_run

EVENT = "UID:{0}\nSUMMARY:backup\nDTSTART:20261024T020000Z\nDTEND:20261024T030000Z\nDESCRIPTION:{1}"


def check(*calendars: Path) -> tuple[bool, list[str]]:
    settings = Config(
        prometheus=PrometheusSettings(url="http://127.0.0.1:1"),
        watches=(Watch(name="web", query="up"),),
        maintenance=MaintenanceSettings(calendars=tuple(map(str, calendars))),
    )
    out = io.StringIO()
    return dry_run.check(settings, out), out.getvalue().splitlines()


def test_each_calendar_has_its_line(calendar: Callable[..., Path], tmp_path: Path) -> None:
    good = calendar(EVENT.format("a", "match: {}"), EVENT.format("b", "watch: wep"), name="a.ics")
    none = calendar(EVENT.format("c", "lunch"), name="folder/c.ics")
    other = tmp_path / "no"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert check(good, none.parent, empty) == (
        True,
        [
            f"calendar {good}: 2 windows",
            "  warning: event 'backup': there is no watch `wep`; valid: web",
            (
                f"calendar {none}: 0 windows; an event is one when its description has a line"
                " match: or watch:"
            ),
            f"calendar {empty}: this folder holds no .ics file",
        ],
    )
    broken = tmp_path / "broken.ics"
    broken.write_bytes(good.read_bytes()[:-20])
    assert check(other, broken, good) == (
        False,
        [
            (
                f"FAILED: maintenance.calendars: {other}: No such file or directory: name an .ics"
                " file or a folder of them"
            ),
            (
                f"FAILED: maintenance.calendars: {broken}: ends before its END:VCALENDAR: export or"
                " copy it again, it was cut off"
            ),
            f"calendar {good}: 2 windows",
            "  warning: event 'backup': there is no watch `wep`; valid: web",
        ],
    )
