"""`bandwatch feedback` against the application as it is served."""

from collections.abc import Iterator

import pytest

from plugin.cli import main
from tests.plugin.commands.test_client import listening
from tests.plugin.web.conftest import END, Service
from tests.plugin.web.conftest import service as service  # the fixture
from tests.plugin.web.test_feedback import ALARM, NOW, SERIES
from tests.plugin.web.test_incidents import keep


@pytest.fixture
def url(service: Service) -> Iterator[str]:  # noqa: F811
    keep(service, ALARM)
    service.clock = lambda: NOW
    with listening(service.app()) as url:
        yield url


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["feedback", *arguments]) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def test_given_listed_and_withdrawn(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    said = run(
        capsys,
        "add",
        "false_alarm",
        "--incident",
        f"1-{END}",
        "--comment",
        "a load test",
        "--url",
        url,
    )
    assert said.startswith(
        f"answer 1: false_alarm, {SERIES}, 2026-11-21T00:09:00Z to 2026-11-21T00:09:00Z\n"
    )
    assert "its band reaches up to 4 times as far above" in said
    assert "said before, as answer 1" in run(
        capsys,
        "add",
        "false_alarm",
        "--watch",
        "web",
        "--series",
        SERIES,
        "--from",
        f"{END}000",
        "--to",
        f"{END}000",
        "--url",
        url,
    )
    listed = run(capsys, "list", "--watch", "web", "--url", url)
    assert "in_force" in listed and "a load test" in listed and "anna" in listed
    assert run(capsys, "withdraw", "1", "--url", url) == (
        "answer 1: withdrawn; its tolerance ends with the next sample\n"
    )
    assert run(capsys, "withdraw", "1", "--url", url) == (
        "answer 1: had no effect any more: withdrawn or replaced by anna at 2026-11-21T00:11:00Z\n"
    )
    assert "withdrawn" in run(capsys, "list", "--url", url)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "fales_alarm", "--incident", f"1-{END}"], "the nearest is `false_alarm`"),
        (["add", "real"], "name what the answer is about"),
        (["withdraw", "7"], "there is no answer 7"),
        (["list", "--watch", "wep"], "there is no watch `wep`; the nearest is `web`"),
    ],
)
def test_what_the_service_refuses_is_told(
    url: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in run(capsys, *arguments, "--url", url, status=1)
