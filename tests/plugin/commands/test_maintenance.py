"""`bandwatch maintenance` against the application as it is served."""

from collections.abc import Iterator

import pytest

from plugin.cli import main
from tests.plugin.commands.test_client import listening
from tests.plugin.web.conftest import END, Service
from tests.plugin.web.conftest import service as service  # the fixture


@pytest.fixture
def url(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: F811
    monkeypatch.setenv("LOGNAME", "anna")
    service.clock = lambda: END + 60.0
    with listening(service.app()) as url:
        yield url


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["maintenance", *arguments]) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def test_added_listed_and_ended(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [
        "--match",
        '{job="api"}',
        "--begin",
        "2026-11-21T01:00",
        "--duration",
        "2h",
        "--timezone",
        "Europe/Vienna",
        "--rule",
        "FREQ=DAILY",
        "--watch",
        "web",
        "--comment",
        "backup",
        "--url",
        url,
    ]
    said = run(capsys, "add", *flags)
    id = said.split()[1].strip(":")
    assert said == (
        f"window {id}: backup, active, 2026-11-21T00:00:00Z to 2026-11-21T02:00:00Z, FREQ=DAILY in "
        "Europe/Vienna\nabout 2 series; those that learnt from such a time are fitted anew\n"
    )
    assert "\nwas there already, nothing was added; about 2 series" in run(capsys, "add", *flags)
    listed = run(capsys, "list", "--url", url)
    assert id in listed and "active" in listed and "anna" in listed and '{job="api"}' in listed
    assert run(capsys, "end", id, "--url", url) == f"window {id}: backup has ended\n"
    assert id not in run(capsys, "list", "--url", url)
    everything = run(capsys, "list", "--all", "--url", url)
    assert id in everything and "ended by anna" in everything


def test_one_that_is_about_nothing_and_one_that_is_removed(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(
        capsys,
        "add",
        "--match",
        "{job='x'}",
        "--begin",
        "2026-11-22",
        "--end",
        "2026-11-23",
        "--id",
        "one",
        "--name",
        "w",
        "--url",
        url,
    )
    assert "about no series that is known now: check `match` and `watch`" in said
    assert run(capsys, "end", "one", "--url", url) == "window one: w is removed\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "--duration", "1h"], "match: found neither match nor watch"),
        (["add", "--match", "{}"], "end: found neither end nor duration"),
        (["add", "--match", "{}", "--duration", "1h", "--watch", "wep"], "the nearest is `web`"),
        (["end", "none"], "there is no window `none`; `bandwatch maintenance list` shows them"),
        (["end", "a/b"], "there is no window `a/b`"),
        (["end", ""], "there is no window ``"),
    ],
)
def test_what_the_service_refuses_is_told(
    url: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in run(capsys, *arguments, "--url", url, status=1)
