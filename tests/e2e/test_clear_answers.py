"""What a running service answers to on-call input that is wrong, doubled or out of order; and
nothing is lost by it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from getpass import getuser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from plugin import config
from plugin.app import Service
from plugin.cli import main
from tests.e2e.world import Clock, Threads
from tests.servers import PrometheusServer

CONFIG = """
prometheus: {{url: '{url}', retries: 0, read_timeout: 30s}}
watches:
  - {{name: latency, query: 'last_over_time(latency_ms[59s])', step: 1m, fit_window: 3d,
     backfill: 4h,
      detector: baseline, fit_every: 10d}}
store: {{path: '{folder}/data', retention: 3000d, gone_after: 3000d}}
web: {{listen_address: '127.0.0.1:0', external_url: 'http://bandwatch'}}
"""
SHOP = 'latency_ms{service="shop"}'
QUIET = 'latency_ms{service="quiet"}'
HINT = "/api/v1/openapi.json tells what this body may hold"
RULE = "valid is a rule of iCalendar such as FREQ=WEEKLY;BYDAY=SA, hourly at the most"
ONE = "2025-10-09T10:00:00Z"
TWO = "2025-10-09T10:10:00Z"
WINDOW = "/api/v1/maintenance"
FEEDBACK = "/api/v1/feedback"
MODELS = "/api/v1/models/"
Answer = tuple[int, Any]


class World:
    """A service with three versions of each model, and `shop` in an incident; it is 10:34."""

    def __init__(self, url: str, folder: Path) -> None:
        self.file = folder / "bandwatch.yml"
        self.folder = folder
        self.clock = Clock()
        self.text = CONFIG.format(url=url, folder=folder)
        self.file.write_text(self.text)
        self.service = self._made()
        jobs = self.service._parts.watches["latency"]
        for steps in (0, 20, 20, 60):
            self.clock.steps(steps)
            assert jobs.score.run()
            assert steps != 20 or jobs.fit.run(everyone=True) == 4
        self.service.start()

    def _made(self) -> Service:
        return Service(
            config.load(self.file), load=lambda: config.load(self.file), clock=self.clock
        )

    def restart(self) -> None:
        self.service.stop()
        self.service = self._made()
        self.service.start()

    def ask(self, method: str, path: str, body: object = None, raw: bytes | None = None) -> Answer:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        answer = requests.request(
            method,
            f"{self.service.url}{path}",
            data=data,
            timeout=10,
            headers={"Content-Type": "application/json"},
        )
        said = answer.json()
        return answer.status_code, (
            said["error"]["message"] if isinstance(said, dict) and "error" in said else said
        )

    def standing(self) -> tuple[Any, ...]:
        """All that people have said and ordered, and who reigns over `quiet`, which nothing fits
        anew meanwhile."""
        decided = [
            row for row in self.ask("GET", "/api/v1/decisions")[1] if row["by"] != "bandwatch"
        ]
        return (
            self.ask("GET", WINDOW)[1],
            self.ask("GET", FEEDBACK)[1],
            decided,
            self.ask("GET", f"/api/v1/models?series={quote(QUIET)}")[1],
        )

    def reload(self, text: str) -> Answer:
        self.file.write_text(self.text + text)
        answer = requests.post(f"{self.service.url}/-/reload", timeout=10)
        return answer.status_code, (
            answer.json()["error"]["message"] if answer.status_code != 200 else ""
        )


@pytest.fixture(scope="module")
def world(
    small_world: PrometheusServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Threads, "warm_up", lambda self: None, raising=False)
        patch.setattr("plugin.components.WorkerPool", Threads)
        made = World(small_world.url, tmp_path_factory.mktemp("clear"))
        yield made
        made.service.stop()


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = main([*arguments, "--url", world.service.url])
        except SystemExit as left:
            status = int(left.code or 0)
        said = capsys.readouterr()
        return status, (said.out + said.err).replace(f"{world.service.url}: ", "")

    return run


def window(**changes: object) -> dict[str, object]:
    return {"match": '{service="shop"}', "begin": "2025-10-09T10:00Z", "duration": "1h", **changes}


def said(**changes: object) -> dict[str, object]:
    return {
        "watch": "latency",
        "series": SHOP,
        "from": ONE,
        "to": TWO,
        "verdict": "real",
        **changes,
    }


REFUSED: list[tuple[str, str, object, int, str]] = [
    (
        "POST",
        WINDOW,
        window(duration=None, end="2025-10-09T09:00Z"),
        400,
        'end: found "2025-10-09T09:00Z"; valid is later than begin, 2025-10-09T10:00+00:00',
    ),
    (
        "POST",
        WINDOW,
        window(
            begin="2026-03-29T02:30",
            timezone="Europe/Vienna",
            duration=None,
            end="2026-03-29T03:00",
        ),
        400,
        'end: found "2026-03-29T03:00"; valid is later than begin, 2026-03-29T03:30+02:00',
    ),
    (
        "POST",
        WINDOW,
        window(match="{service=shop}"),
        400,
        (
            "match: found '{service=shop}' (expected a label value in quotes at character 10 of"
            ' `{service=shop}`: found `s`); valid is a Prometheus selector such as {job="api"}'
        ),
    ),
    (
        "POST",
        WINDOW,
        window(watch="latenzy"),
        404,
        "there is no watch `latenzy`; the nearest is `latency`; valid: latency",
    ),
    (
        "POST",
        WINDOW,
        window(timezone="CEST"),
        400,
        'timezone: found "CEST"; valid is an IANA time zone such as UTC or Europe/Vienna',
    ),
    (
        "POST",
        WINDOW,
        window(rule="FREQ=HOURLY;BYMINUTE=0,30"),
        400,
        f'rule: found "FREQ=HOURLY;BYMINUTE=0,30" (it comes too often: hourly is the most); {RULE}',
    ),
    (
        "POST",
        WINDOW,
        window(comment="x" * 1001),
        400,
        f"`comment`: Expected `str` of length <= 1000: {HINT}",
    ),
    (
        "POST",
        WINDOW,
        window(name="\x1b[2J"),
        400,
        f"`name`: Expected text without control characters: {HINT}",
    ),
    (
        "POST",
        WINDOW,
        window(duration=3600),
        400,
        f"`duration`: Expected `str | null`, got `int`: {HINT}",
    ),
    (
        "DELETE",
        f"{WINDOW}/none",
        None,
        404,
        "there is no window `none`; `bandwatch maintenance list` shows them",
    ),
    (
        "DELETE",
        f"{FEEDBACK}/1",
        None,
        404,
        "there is no answer 1: `GET /api/v1/feedback` lists them",
    ),
    (
        "DELETE",
        f"{FEEDBACK}/x",
        None,
        400,
        "`x` is not the number of an answer: `GET /api/v1/feedback` lists them",
    ),
    ("POST", FEEDBACK, said(to=ONE, **{"from": TWO}), 400, f"`from` is after `to`: {TWO} > {ONE}"),
    (
        "POST",
        FEEDBACK,
        said(to="2027-01-01T00:00:00Z"),
        400,
        (
            "`to` has not come yet, 2027-01-01T00:00:00Z: an answer is about what has happened, and"
            " for what is planned there are maintenance windows"
        ),
    ),
    (
        "POST",
        FEEDBACK,
        said(series='{service="shop"}'),
        404,
        f'there is no series `{{service="shop"}}` in `latency`; the nearest is `{SHOP}`',
    ),
    (
        "POST",
        FEEDBACK,
        said(series=QUIET, verdict="false_alarm"),
        400,
        (
            "nothing of it was outside its band then, as far as is stored: there is no alarm that"
            " could be false"
        ),
    ),
    (
        "POST",
        FEEDBACK,
        {"incident": "latency-1", "verdict": "real"},
        404,
        (
            "there is no incident `latency-1`: it never was, or it is older than store.retention;"
            " `GET /api/v1/incidents` lists them"
        ),
    ),
    ("POST", f"{MODELS}pin", {}, 400, "say whose models: `watch`, `series` or `match`"),
    (
        "POST",
        f"{MODELS}pin",
        {"series": "latency_ms"},
        404,
        'there is no series of `series` latency_ms; the nearest is `latency_ms{service="shop"}`',
    ),
    (
        "POST",
        f"{MODELS}rollback",
        {"series": QUIET, "version": 99},
        409,
        f"latency {QUIET}: there is no version 99; kept are: 1, 2, 3",
    ),
]


def test_what_is_refused_says_why_and_changes_nothing(world: World) -> None:
    before = world.standing()
    answers = [world.ask(method, path, body) for method, path, body, *_ in REFUSED]
    assert answers == [(status, message) for *_, status, message in REFUSED]
    for path in (WINDOW, FEEDBACK, f"{MODELS}pin"):
        assert world.ask("POST", path, raw=b"\xff{") == (
            400,
            "the body is not JSON: JSON is malformed: invalid character (byte 0)",
        )
    assert world.standing() == before


def test_windows_twice_in_the_past_overlapping_and_in_the_wrong_order(
    world: World, run: Callable[..., Any]
) -> None:
    learnt = "about 1 series; those that learnt from such a time are fitted anew"
    again = f"was there already, nothing was added; {learnt}"
    for body, said in (
        (window(id="one"), learnt),
        (window(id="one"), again),
        (window(id="two"), learnt),
        (window(begin="2025-10-09T08:00Z"), f"is over; {learnt}"),
        (
            window(match='{job="api"}'),
            "about no series that is known now: check `match` and `watch`",
        ),
        (
            window(begin="2026-03-29T02:30", timezone="Europe/Vienna"),
            f"{learnt}; 02:30 does not exist in Europe/Vienna on 2026-03-29: it counts as 03:30",
        ),
        (
            window(begin="2026-10-25T02:30", timezone="Europe/Vienna"),
            (
                f"{learnt}; 02:30 comes twice in Europe/Vienna on 2026-10-25: its first is meant;"
                " the second is written with an offset"
            ),
        ),
    ):
        status, answer = world.ask("POST", WINDOW, body)
        assert (status, answer["effect"]) == (200, said)
    assert world.ask("POST", WINDOW, window(id="one", duration="2h")) == (
        409,
        (
            'id: found "one", which is another window: it has another duration; valid is an id of'
            " its own, or none"
        ),
    )
    ended = f"which has been ended by {getuser()} at 2025-10-09T10:34:00Z"
    assert run("maintenance", "end", "none", "one", "a/b") == (
        1,
        (
            "window one: maintenance has ended\nbandwatch: there is no window `none`; the nearest"
            " is `one`; `bandwatch maintenance list` shows them\nthere is no window `a/b`;"
            " `bandwatch maintenance list` shows them\n"
        ),
    )
    assert run("maintenance", "end", "one") == (
        1,
        f'bandwatch: id: found "one", {ended}; valid is one that runs or is still to come\n',
    )
    assert world.ask("POST", WINDOW, window(id="one")) == (
        409,
        f'id: found "one", {ended}; valid is another begin, or an id of its own',
    )
    with ThreadPoolExecutor(4) as threads:
        both = list(
            threads.map(lambda _: world.ask("POST", WINDOW, window(id="at-once")), range(4))
        )
    assert sorted(answer["new"] for _, answer in both) == [False, False, False, True]
    before = world.standing()
    world.restart()
    assert world.standing() == before and len(before[0]) == 7


def test_answers_twice_contrary_and_withdrawn_in_any_order(
    world: World, run: Callable[..., Any]
) -> None:
    def wishes() -> list[str]:
        return [wish.reason for wish in world.service.store.regimes.requests("latency")]

    given = world.ask("POST", FEEDBACK, said(verdict="new_normal"))[1]
    assert wishes() == ["feedback 1"] and given["effect"].startswith(
        "the level that it has now is accepted"
    )
    assert world.ask("POST", FEEDBACK, said(verdict="new_normal"))[1]["effect"].startswith(
        "said before, as answer 1"
    )
    assert world.ask("POST", FEEDBACK, said())[1]["effect"].startswith(
        "answer 1 said something else of the same time"
    )
    assert wishes() == [], "what was real is not to be accepted"
    assert run("feedback", "withdraw", "1", "99", "2") == (
        1,
        (
            "answer 1: had no effect any more: withdrawn or replaced by anyone at"
            " 2025-10-09T10:34:00Z\nanswer 2: withdrawn; the next fit may learn from it\nbandwatch:"
            " there is no answer 99: `GET /api/v1/feedback` lists them\n"
        ),
    )
    with ThreadPoolExecutor(4) as threads:
        verdicts = ["real", "new_normal", "real", "new_normal", "new_normal", "real"]
        list(
            threads.map(
                lambda verdict: world.ask("POST", FEEDBACK, said(verdict=verdict)), verdicts
            )
        )
    standing = [row for row in world.ask("GET", FEEDBACK)[1] if row["state"] == "in_force"]
    assert len(standing) == 1
    assert wishes() == [
        f"feedback {row['id']}" for row in standing if row["verdict"] == "new_normal"
    ]
    before = world.standing()
    world.restart()
    assert world.standing() == before


def test_orders_twice_and_in_the_wrong_order(world: World, run: Callable[..., Any]) -> None:
    name = f"{QUIET} of latency: "
    back = [
        f"from version {a} to version {b}, fitted 1 h {c} min ago; takes effect at the next tick"
        for a, b, c in ((3, 2, 20), (2, 1, 40))
    ]
    none = (
        f"bandwatch: latency {QUIET}: there is no version before 1; kept are: 1, 2, 3"
        " (`store.versions`)\n"
    )
    for act, done in (
        ("unpin", "was not pinned"),
        ("pin", "is pinned now"),
        ("pin", "was pinned already"),
        ("rollback", f"{back[0]}; it is not pinned, as the one before was"),
        ("rollback", back[1]),
    ):
        assert run("models", act, "--series", QUIET) == (0, f"{name}{done}\n")
    assert (
        run("models", "rollback", "--series", QUIET)
        == run("models", "rollback", "--series", QUIET)
        == (1, none)
    )
    assert run("models", "rollback", "--series", QUIET, "--to", "1") == (
        1,
        f"bandwatch: latency {QUIET}: version 1 is active already\n",
    )
    before = world.standing()
    world.restart()
    assert world.standing() == before


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ("feedback", "withdraw", "x"),
            2,
            'argument ID: found "x"; valid is a number as `list` shows it, such as 12',
        ),
        (
            ("models", "rollback", "--watch", "latency", "--to", "x"),
            2,
            'argument --to: found "x"; valid is a number',
        ),
        (("models", "pin"), 2, "say whose models: --watch, --series or --match"),
        (
            ("models", "list", "--series", "up"),
            1,
            "no model of up: `GET /api/v1/series` lists the series",
        ),
        (
            ("feedback", "list", "--from", TWO, "--to", ONE),
            1,
            f"`from` is after `to`: {TWO} > {ONE}",
        ),
        (("maintenance", "add", "--match", "{}", "--duration", "1 hour"), 1, 'did you mean "1h"?'),
    ],
)
def test_a_command_line_that_is_wrong(
    run: Callable[..., tuple[int, str]], arguments: tuple[str, ...], status: int, message: str
) -> None:
    left, said = run(*arguments)
    assert left == status and message in said


def ics(**changes: str) -> bytes:
    lines = {
        "UID": "u",
        "SUMMARY": "backup",
        "DTSTART": "20251009T100000Z",
        "DTEND": "20251009T110000Z",
        "DESCRIPTION": "match: {}",
        **changes,
    }
    event = "".join(
        f"{name.replace('__', ';TZID=')}:{text}\r\n" for name, text in lines.items() if text
    )
    begin = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
    return f"{begin}{event}END:VEVENT\r\nEND:VCALENDAR\r\n".encode()


ZONE = "write its times in an IANA time zone such as Europe/Vienna, or in UTC"
CALENDARS: list[tuple[bytes, str]] = [
    (b"", "is not a calendar: it has no BEGIN:VCALENDAR"),
    (bytes(range(256)), "is not a calendar: it has no BEGIN:VCALENDAR"),
    (ics()[:-20], "ends before its END:VCALENDAR: export or copy it again, it was cut off"),
    (ics(SUMMARY="Müll").decode().encode("latin-1"), "is not UTF-8 (byte 61): export it as UTF-8"),
    (b"x" * (5 << 20), "5242880 bytes; 4194304 are the most: split it"),
    (
        ics(RRULE="FREQ=SECONDLY"),
        (
            "event 'backup' (u): rule: found \"FREQ=SECONDLY\" (it comes too often: hourly is the "
            f"most); {RULE}"
        ),
    ),
    (
        ics(DTSTART="", **{"DTSTART__Europe/Wien": "20251009T120000"}),
        f"event 'backup' (u): DTSTART: the time zone Europe/Wien is unknown: {ZONE}",
    ),
    (ics(DTSTART=""), "event 'backup' (u): it has no DTSTART: when does it begin?"),
]


def test_a_broken_calendar_is_named_by_reload_and_check_and_what_was_known_stays(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    path = world.folder / "plan.ics"
    setting = "maintenance: {calendars: [plan.ics]}\n"
    assert world.reload(setting) == (
        400,
        (
            f"maintenance.calendars: {path}: No such file or directory: name an .ics file or a"
            " folder of them"
        ),
    )
    path.write_bytes(ics())
    assert (
        world.reload(setting) == (200, "")
        and main(["check", "--syntax-only", str(world.file)]) == 0
    )
    assert f"calendar {path}: 1 window\n" in capsys.readouterr().out
    before = world.standing()
    for content, message in CALENDARS:
        path.write_bytes(content)
        assert world.reload(setting) == (400, f"maintenance.calendars: {path}: {message}")
        assert main(["check", "--syntax-only", str(world.file)]) == 1
        assert f"FAILED: maintenance.calendars: {path}: {message}\n" in capsys.readouterr().out
        world.service._parts.maintenance.run()
    assert world.standing() == before
    path.write_bytes(ics(DESCRIPTION="watch: latenzy"))
    main(["check", "--syntax-only", str(world.file)])
    assert (
        "warning: event 'backup': there is no watch `latenzy`; valid: latency"
        in capsys.readouterr().out
    )
    hourly = (
        "maintenance: {windows: [{name: old, match: '{}', begin: 1991-01-01, duration: 1h, rule:"
        " FREQ=HOURLY{}}]}\n"
    )
    assert (
        "FREQ=HOURLY;COUNT=10000"
        in world.reload(hourly.replace("HOURLY{}", "HOURLY;COUNT=10000"))[1]
    )
    assert world.reload(hourly.replace("HOURLY{}", "HOURLY"))[0] == 200
    assert world.reload("")[0] == 200
