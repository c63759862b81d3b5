"""Silences of a real Alertmanager, the shape of Grafana's, and what is said when there is none."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugin.config import AlertmanagerSettings
from plugin.errors import SourceFailed
from plugin.maintenance import silences
from plugin.maintenance.matching import WindowMatching
from tests.plugin.maintenance.conftest import NOW
from tests.plugin.maintenance.test_matching import RECORDS, WATCH
from tests.servers import AlertmanagerServer, free_port

# What Grafana's own Alertmanager answers (GET /api/alertmanager/grafana/api/v2/silences):
# nanoseconds, a UTC offset.
GRAFANA = {
    "id": "g",
    "status": {"state": "active"},
    "updatedAt": "2026-11-21T00:00:00.123456789Z",
    "comment": "disk swap",
    "createdBy": "admin",
    "startsAt": "2026-11-21T01:00:00.123456789+01:00",
    "endsAt": "2026-11-21T02:00:00.000Z",
    "matchers": [
        {"isEqual": True, "isRegex": False, "name": "watch", "value": "web"},
        {"isEqual": False, "isRegex": True, "name": "instance", "value": "b.*"},
    ],
}


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertmanagerServer]:
    with AlertmanagerServer(tmp_path_factory.mktemp("alertmanager")) as server:
        yield server


def silence(
    server: AlertmanagerServer, begin: int, end: int, *matchers: tuple[str, str, bool, bool]
) -> str:
    body = {
        "startsAt": rfc3339(begin),
        "endsAt": rfc3339(end),
        "createdBy": "ops",
        "comment": "move",
        "matchers": [
            {"name": name, "value": value, "isRegex": regex, "isEqual": equal}
            for name, value, regex, equal in matchers
        ],
    }
    request = urllib.request.Request(
        f"{server.url}/api/v2/silences",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.load(answer)["silenceID"])


def expire(server: AlertmanagerServer, id: str) -> None:
    request = urllib.request.Request(f"{server.url}/api/v2/silence/{id}", method="DELETE")
    urllib.request.urlopen(request, timeout=5).close()


def rfc3339(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()


def settings(url: str, **more: Any) -> AlertmanagerSettings:
    return AlertmanagerSettings.model_validate({"url": url, **more})


def about(window: Any) -> list[int]:
    return [id for _, ids in WindowMatching().of((window,), WATCH, RECORDS) for id in ids]


def test_silences_of_a_real_alertmanager(alertmanager: AlertmanagerServer) -> None:
    begin = int(datetime.now(UTC).timestamp()) + 600
    mine = silence(
        alertmanager,
        begin,
        begin + 60,
        ("alertname", "Bandwatch.*", True, True),
        ("job", "db", False, False),
    )
    silence(alertmanager, begin, begin + 60, ("alertname", "HostDown", False, True))
    (windows,) = silences.fetch_silences(settings(alertmanager.url))
    assert (
        windows.id == mine
        and windows.match == '{alertname=~"Bandwatch.*",job!="db"}'
        and windows.by == "ops"
    )
    assert (
        windows.spans(0, 2**40) == [(begin, begin + 60)] and windows.state(begin - 1) == "pending"
    )
    assert about(windows) == [1, 2]
    expire(alertmanager, mine)
    (windows,) = silences.fetch_silences(settings(alertmanager.url))
    assert windows.seconds <= 0, "it never was"


def test_the_answer_of_grafana() -> None:
    (windows,) = silences.read_silences(json.dumps([GRAFANA]).encode(), "http://g")
    assert windows.spans(0, 2**40) == [(NOW, NOW + 7200)] and windows.name == "silence: disk swap"
    assert about(windows) == [1, 3]


def test_a_matcher_without_is_equal_is_of_an_old_version() -> None:
    old = {**GRAFANA, "matchers": [{"name": "job", "value": "db", "isRegex": False}]}
    assert silences.read_silences(json.dumps([old]).encode(), "http://a")[0].match == '{job="db"}'


@pytest.mark.parametrize(
    "body", [b"", b"{}x", b'{"status": "success"}', b'[{"id": "x"}]', b"[[]]", b"null", b"[1]"]
)
def test_what_is_no_answer_of_an_alertmanager(body: bytes) -> None:
    with pytest.raises(SourceFailed, match="is it an Alertmanager") as failed:
        silences.read_silences(body, "http://a")
    assert failed.value.reason == "invalid"


def test_nobody_there_and_a_wrong_address(alertmanager: AlertmanagerServer, tmp_path: Path) -> None:
    secret = tmp_path / "gone"
    for url, more, reason in (
        (f"http://127.0.0.1:{free_port()}", {}, "unavailable"),
        (f"{alertmanager.url}/x", {}, "refused"),
        (alertmanager.url, {"bearer_token_file": str(secret)}, "refused"),
    ):
        with pytest.raises(SourceFailed) as failed:
            silences.fetch_silences(settings(url, **more))
        assert failed.value.reason == reason, url


def test_half_of_a_surrogate_pair_ends_in_no_window() -> None:
    """It could be neither stored nor shown; the other silences live."""
    half = json.loads('"\\ud800"')
    matchers = [{"isRegex": False, "name": "instance", "value": half}]
    body = [
        {**GRAFANA, "id": half},
        {**GRAFANA, "id": "m", "matchers": matchers},
        {**GRAFANA, "id": "c", "comment": f"disk{half}swap", "createdBy": half},
    ]
    (window,) = silences.read_silences(json.dumps(body).encode(), "http://a")
    assert (window.id, window.comment, window.by) == ("c", "disk swap", "")
