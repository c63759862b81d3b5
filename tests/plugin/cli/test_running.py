"""`bandwatch explain` against the application as it is served."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.board import Board
from plugin.cli import main
from plugin.commands.client import ServiceClient
from plugin.config.groups import groups
from plugin.store import Store
from tests.plugin.commands.test_client import listening
from tests.plugin.web.conftest import Service
from tests.plugin.web.test_explanations import NOW, filled


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    store = Store.open(tmp_path)
    board = Board()
    filled(store, board, 3, 2)
    service = Service(store, board, clock=lambda: NOW + 5.0)
    store.incidents.adopt(groups(service.watches().values())["web"])
    with listening(service.app()) as url:
        yield url
    store.close()


def test_a_few_lines_for_a_series(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", 'ms{pod="0"}', "--url", url]) == 0
    assert (
        capsys.readouterr().out
        == """ms{pod="0"} of web at 2026-11-21T03:00:00Z
  1.45 s
  expected 1.09 to 1.19 s at this hour
  above since 02:20 UTC (40 min)
  highest in the 3 d that are known
  1 related series, ms{pod="1"} at the same time
"""
    )
    assert (
        main(
            [
                "explain",
                'ms{pod="0"}',
                "--url",
                url,
                "--at",
                "2026-11-21T02:25:00Z",
                "--watch",
                "web",
            ]
        )
        == 0
    )
    assert "(5 min)" in capsys.readouterr().out


def test_an_incident_by_its_name_and_some_series_by_a_selector(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ServiceClient(url).get("/api/v1/incidents", {"from": str(NOW * 1000)})
    assert isinstance(found, list) and len(found) == 1
    for name in (found[0]["incident"], 'ms{pod=~"0|1"}'):
        assert main(["explain", name, "--url", url]) == 0
        said = [
            line.split(" of ")[0]
            for line in capsys.readouterr().out.splitlines()
            if not line.startswith(" ")
        ]
        assert said == ['ms{pod="0"}', 'ms{pod="1"}']


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["web-1"], "there is no incident `web-1`"),
        (["ms"], "nothing is known of ms then: /api/v1/series lists the series"),
        (["ms", "--watch", "wep"], "there is no watch `wep`; the nearest is `web`"),
        (["ms", "--at", "noon"], "`at`: `noon` is neither milliseconds"),
    ],
)
def test_what_cannot_be_explained(
    url: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["explain", *arguments, "--url", url]) == 1
    assert message in capsys.readouterr().err
