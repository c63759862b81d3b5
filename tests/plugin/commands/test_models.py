"""`bandwatch models` against the application as it is served."""

from collections.abc import Iterator

import pytest

from plugin.cli import main
from plugin.domain.model_decisions import OrderKind
from tests.plugin.commands.test_client import listening
from tests.plugin.web.conftest import START, Service
from tests.plugin.web.conftest import service as service  # the fixture
from tests.plugin.web.test_models import Ruler, crown


@pytest.fixture
def ruler() -> Ruler:
    return Ruler()


@pytest.fixture
def url(service: Service, ruler: Ruler) -> Iterator[str]:  # noqa: F811
    crown(service, 2)
    service.clock = lambda: START + 7200
    service.order = ruler
    with listening(service.app()) as url:
        yield url


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["models", *arguments]) == status
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_list_tells_the_active_models(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "list", "--match", '{job="api"}', "--url", url).splitlines()
    assert [line.split() for line in lines[2:]] == [
        [
            f'requests{{{code}instance="{name}:9100",job="api"}}',
            "web",
            "2",
            "lstm",
            "2",
            "h",
            "2026-11-21T00:00:00Z",
            "0.25",
        ]
        for code, name in (('code="500",', "a"), ("", "b"))
    ]


def test_show_tells_all_versions_and_decisions(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, "show", "--series", 'requests{instance="b:9100",job="api"}', "--url", url)
    assert said.count("2026-11-20T23:50:00Z") == 2 and said.count("crowned") == 2
    assert "as good" in said and "bandwatch" in said


def test_an_order_is_given_and_told(
    url: str, ruler: Ruler, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    said = run(
        capsys, "rollback", "--watch", "web", "--to", "1", "--comment", "noise", "--url", url
    )
    assert said.splitlines()[1] == 'requests{instance="b:9100",job="api"} of web: it is so'
    assert (
        ruler.orders[0].act,
        ruler.orders[0].version,
        ruler.orders[0].comment,
        ruler.orders[0].by,
    ) == (OrderKind.ROLLBACK, 1, "noise", "anna")
    ruler.done = (True, False)
    assert "of web: not done: it is so" in run(
        capsys, "pin", "--watch", "web", "--url", url, status=1
    )
    ruler.done = (False,)
    assert "(and 2 more): it is so" in run(
        capsys, "refit", "--watch", "web", "--url", url, status=1
    )
    assert [order.act for order in ruler.orders[1:]] == [OrderKind.PIN, OrderKind.REFIT]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--series", "up"], "no model of up: `GET /api/v1/series` lists the series"),
        (["list", "--watch", "wep"], "there is no watch `wep`; the nearest is `web`"),
        (["refit", "--match", "{"], "`match`: "),
    ],
)
def test_what_is_wrong_is_told(
    url: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in run(capsys, *arguments, "--url", url, status=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unpin"], "error: say whose models: --watch, --series or --match"),
        (
            ["rollback", "--watch", "web", "--to", "0"],
            'found "0"; valid is a number as `list` shows it, such as 12',
        ),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["models", *arguments])
    assert message in capsys.readouterr().err
