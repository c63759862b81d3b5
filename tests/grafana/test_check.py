"""`bandwatch grafana check` against everything that can be wrong with a Grafana: what it says, and
its exit status."""

import ssl
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.commands.grafana import shipped
from plugin.commands.grafana.shipped import DASHBOARDS, PAUSED_RULES, RULES
from tests.grafana import infinity
from tests.grafana.living import Living
from tests.grafana.standin import TOKEN, Standin
from tests.servers import free_port


@pytest.fixture
def grafana(service: Living) -> Iterator[Standin]:
    with Standin(service) as made:
        yield made


@pytest.fixture
def no_dashboards(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is looked for: a test that is about something else is quicker."""
    monkeypatch.setattr(shipped, "DASHBOARDS", ())


@pytest.fixture
def series_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "DASHBOARDS", ("bandwatch-series",))
    monkeypatch.setattr(shipped, "RULES", ())


class Said:
    """What a check printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def of(self, *words: str) -> list[str]:
        """The lines that hold all of these words."""
        return [line for line in self.out.splitlines() if all(word in line for word in words)]

    @property
    def failures(self) -> list[str]:
        return self.of("FAILURE")


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(url: str, *flags: str, token: str = TOKEN) -> Said:
        if token:
            monkeypatch.setenv("GRAFANA_TOKEN", token)
        else:
            monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
        status = main(["grafana", "check", "--url", url, *flags])
        said = Said(status, *capsys.readouterr())
        assert TOKEN not in said.out + said.err, "the token is printed"
        assert "Traceback" not in said.err
        return said

    return run


def test_everything_well(check: Any, grafana: Standin) -> None:
    said = check(grafana.url)
    assert said.failures == said.of("warning  ") == [] and said.status == 0
    assert said.of("ok", "Grafana", "version", "Grafana 12.4.5") and said.of(
        "ok", "plugin Infinity", "version 3.11.1"
    )
    assert said.of("data source", "health", "reaches Bandwatch")
    for uid in DASHBOARDS:
        assert (
            said.of(f"dashboard {uid}", "loaded") and len(said.of(f"dashboard {uid}", "panel")) >= 3
        ), uid
    for uid in RULES:
        state = (
            "loaded, paused as it is shipped"
            if uid in PAUSED_RULES
            else "loaded, inactive, health ok"
        )
        assert said.of(f"rule {uid}", "state", state)
        assert said.of(f"rule {uid}", "query A", "row")
    assert said.of("rule bandwatch-anomaly", "queries together", "same 4 rows")
    assert (
        said.out.splitlines()[-1].startswith(grafana.url)
        and "0 failures, 0 warnings" in said.out.splitlines()[-1]
    )


def test_no_grafana_at_all(check: Any) -> None:
    said = check(f"http://127.0.0.1:{free_port()}")
    assert said.status == 1 and len(said.failures) == 1 and "Connection refused" in said.failures[0]
    assert "Does Grafana run there" in said.out and "1 check, 1 failure" in said.out


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((200, "<html>welcome</html>"), ["this is not Grafana", "<html>welcome</html>", "--url"]),
        (
            (302, "https://u:p@other.example/login?token=x"),
            ["points to https://other.example/login", "final address"],
        ),
        (
            (200, {"database": "ok", "version": "11.5.2"}),
            ["Grafana 11.5.2 is too old", "11.6 or newer"],
        ),
        ((503, {"database": "failing", "version": "12.4.5"}), ["has lost its database"]),
    ],
)
def test_what_answers_is_no_grafana_of_use(
    check: Any, grafana: Standin, reply: Any, words: list[str]
) -> None:
    grafana.replies["/api/health"] = reply
    said = check(grafana.url)
    assert said.status == 1 and len(said.failures) == 1 and grafana.asked == ["/api/health"]
    assert all(word in said.out for word in words) and "u:p@" not in said.out


def test_the_token_is_refused(check: Any, grafana: Standin) -> None:
    said = check(grafana.url, "--token", "glsa_another")
    [line] = said.failures
    assert (
        said.status == 1
        and "the token is refused: 401 Invalid API key" in line
        and "service account" in said.out
    )
    assert grafana.asked == ["/api/health", "/api/datasources"] and "glsa_another" not in said.out


@pytest.mark.usefixtures("no_dashboards")
def test_the_token_may_do_little(check: Any, grafana: Standin) -> None:
    grafana.forbidden = ("/api/datasources", "/api/v1", "/api/prometheus")
    said = check(grafana.url)
    assert said.status == 1 and said.of(
        "FAILURE", "token", "403 You'll need additional permissions"
    )
    assert (
        said.of("FAILURE", "alert rules", "403")
        and "Give the service account the role Viewer or more" in said.out
    )


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [
        (None, "FAILURE", "not installed"),
        ("3.10.2", "FAILURE", "version 3.10.2, and 3.11 or newer"),
        ("5.0.0", "FAILURE", "version 5.0.0"),
        ("4.1.1", "warning", "version 4.1.1 has not been tried"),
    ],
)
def test_the_plugin(
    check: Any, grafana: Standin, version: str | None, level: str, words: str
) -> None:
    grafana.plugin = version
    said = check(grafana.url)
    assert said.of(level, "plugin Infinity", words) and said.status == (level == "FAILURE")
    if level == "FAILURE":
        assert "GF_PLUGINS_PREINSTALL_SYNC=yesoreyeram-infinity-datasource@3.11.1" in said.out
        assert said.of(
            "warning",
            "dashboard bandwatch-series ",
            "queries",
            "not asked: the data source cannot answer",
        )
        assert said.of("ok", "dashboard bandwatch-self", "panel")  # asks Prometheus


def test_nothing_is_provisioned(check: Any, grafana: Standin) -> None:
    grafana.sources = []
    grafana.dashboards = {}
    grafana.rules = {}
    said = check(grafana.url)
    assert said.status == 1 and len(said.failures) == 1 + len(DASHBOARDS) + len(RULES)
    for folder in ("datasources", "dashboards", "alerting"):
        assert f"grafana/provisioning/{folder}" in said.out
    assert all(said.of("FAILURE", f"dashboard {uid}", "not there") for uid in DASHBOARDS)
    assert all(said.of("FAILURE", f"rule {uid}", "not there") for uid in RULES)


@pytest.mark.usefixtures("no_dashboards")
@pytest.mark.parametrize(
    ("health", "words", "remedy"),
    [
        (
            (
                400,
                {
                    "status": "ERROR",
                    "message": (
                        "Health check failed. unsuccessful HTTP response code\nstatus code : 401 x"
                    ),
                },
            ),
            "status code : 401",
            "Bandwatch refuses the token of Grafana's data source",
        ),
        (
            (
                400,
                {
                    "status": "ERROR",
                    "message": "Health check failed: dial tcp 10.0.0.1:8642: connection refused",
                },
            ),
            "connection refused",
            "Grafana does not reach Bandwatch",
        ),
        ((500, {"message": "Plugin unavailable"}), "Plugin unavailable", "does not run"),
        (
            (
                400,
                {
                    "status": "ERROR",
                    "message": "Health check failed. invalid or empty bearer token detected",
                },
            ),
            "invalid or empty bearer token",
            "The data source has no token, and Infinity sends nothing without one: set"
            " BANDWATCH_TOKEN",
        ),
    ],
)
def test_the_data_source_is_ill(
    check: Any, grafana: Standin, health: Any, words: str, remedy: str
) -> None:
    grafana.health = health
    said = check(grafana.url)
    assert (
        said.status == 1
        and said.of("FAILURE", "data source", "health", words)
        and remedy in said.out
    )
    assert len(said.failures) == 1 and said.of("warning", "rule bandwatch-anomaly", "not asked")


@pytest.mark.parametrize(
    ("buildinfo", "words", "remedy"),
    [
        (
            (200, '{"status": "success", "data": {"version": "2.42.0", "goVersion": "go1.19"}}'),
            "a server that speaks the API of Prometheus (2.42.0) answers there",
            "BANDWATCH_URL in Grafana's environment must be the address of Bandwatch",
        ),
        (
            (404, "404 page not found"),
            "a server answers there, and it is not Bandwatch",
            "BANDWATCH_URL in Grafana's environment must be the address of Bandwatch",
        ),
        (
            (200, '{"version": "0.0.9", "python": "3.11.7"}'),
            "an older Bandwatch answers, 0.0.9",
            "Upgrade Bandwatch",
        ),
    ],
)
@pytest.mark.parametrize(
    "health",
    [
        (200, {"status": "OK", "message": "successful"}),  # an older health path, that others have
        (400, {"message": "Health check failed. status code : 404 Not Found"}),
    ],
)
def test_another_server_is_told_by_name_and_nothing_else_is_asked_of_it(
    check: Any,
    grafana: Standin,
    monkeypatch: pytest.MonkeyPatch,
    health: Any,
    buildinfo: tuple[int, str],
    words: str,
    remedy: str,
) -> None:
    paths = []

    def ask(_: Living, target: dict[str, Any], begin: int, end: int) -> dict[str, Any]:
        if target["datasource"]["type"] == "prometheus":
            return {"status": 200, "frames": []}
        paths.append(target["url"])
        status, body = buildinfo if target["url"].endswith("buildinfo") else (404, "not found")
        return infinity.result_of(target, status, body)

    monkeypatch.setattr(Living, "ask", ask)
    grafana.health = health
    said = check(grafana.url)
    assert said.of("FAILURE", "data source", "health", words) and remedy in said.out
    assert paths == ["/api/v1/status/bandwatch", "/api/v1/status/buildinfo"]
    assert said.of("warning", "dashboard bandwatch-series ", "not asked")


@pytest.mark.usefixtures("no_dashboards")
def test_the_data_source_is_of_another_type(check: Any, grafana: Standin) -> None:
    grafana.sources[-1] = {**grafana.sources[-1], "type": "marcusolsson-json-datasource"}
    said = check(grafana.url)
    assert (
        said.of("FAILURE", "data source", "is of type marcusolsson-json-datasource")
        and said.status == 1
    )


@pytest.mark.usefixtures("no_dashboards")
def test_the_data_source_has_another_uid(check: Any, grafana: Standin) -> None:
    grafana.sources[-1] = {**grafana.sources[-1], "uid": "mine"}
    assert check(grafana.url).of(
        "FAILURE", "data source", "bandwatch", "no data source with this uid"
    )
    assert check(grafana.url, "--datasource", "mine").of(
        "ok", "data source", "mine", "of the right type"
    )


def test_there_is_no_prometheus(check: Any, grafana: Standin) -> None:
    grafana.sources = grafana.sources[1:]
    said = check(grafana.url)
    assert said.of(
        "FAILURE",
        "dashboard bandwatch-self",
        "variable datasource",
        "no data source of type prometheus",
    )
    assert (
        said.of("warning", "dashboard bandwatch-self", "not asked: no value for datasource")
        and said.status == 1
    )
    assert not said.of("FAILURE", "dashboard bandwatch-fleet ")


def test_one_dashboard_is_missing_and_one_is_of_the_second_schema(
    check: Any, grafana: Standin
) -> None:
    del grafana.dashboards["bandwatch-incidents"]
    grafana.replies["/api/dashboards/uid/bandwatch-fleet"] = (
        406,
        {"message": "dashboard api version not supported"},
    )
    said = check(grafana.url)
    assert said.failures == said.of(
        "FAILURE", "dashboard bandwatch-incidents", "loaded", "not there"
    )
    assert said.of("warning", "dashboard bandwatch-fleet", "second schema") and said.status == 1


@pytest.mark.usefixtures("series_only")
def test_a_panel_whose_query_fails(check: Any, grafana: Standin) -> None:
    text = "unsuccessful HTTP response code\nstatus code : 500 \x1b[31mInternal Server Error"
    grafana.broken = lambda target: text if target.get("url") == "/api/v1/incidents" else ""
    said = check(grafana.url)
    assert said.of(
        "FAILURE",
        "dashboard bandwatch-series",
        "panel Incidents of this series",
        "status code : 500",
    )
    assert (
        "Bandwatch failed to answer: see its log." in said.out
        and "\x1b" not in said.out
        and said.status == 1
    )


@pytest.mark.usefixtures("no_dashboards")
def test_a_query_that_grafana_refuses_whole(check: Any, grafana: Standin) -> None:
    grafana.replies["/api/ds/query"] = (403, {"message": "Access denied to data source"})
    said = check(grafana.url)
    assert said.of("FAILURE", "data source", "health", "403 Access denied to data source")
    assert "also Query on the data source" in said.out
    assert said.of("warning", "rule bandwatch-anomaly", "not asked")


@pytest.mark.usefixtures("series_only")
def test_a_dashboard_that_someone_has_edited(check: Any, grafana: Standin) -> None:
    board = grafana.dashboards["bandwatch-series"] = deepcopy(
        grafana.dashboards["bandwatch-series"]
    )
    [target] = [
        target
        for panel in board["panels"]
        for target in panel["targets"]
        if panel["title"] == "Value in its band" and target["format"] == "timeseries"
    ]
    target["parser"] = "simple"
    said = check(grafana.url)
    assert said.of("warning", "panel Value in its band", "no rows in this range")
    target["parser"], target["columns"] = (
        "backend",
        [each for each in target["columns"] if each["text"] != "time"],
    )
    said = check(grafana.url)
    assert (
        said.of("FAILURE", "panel Value in its band", "0 fields of type time") and said.status == 1
    )
    assert "use the file that this version of Bandwatch ships" in said.out


@pytest.mark.usefixtures("no_dashboards")
@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (
            {"health": "error", "lastError": "[sse.dataQueryError] dial tcp: connection refused"},
            "FAILURE",
            "its last evaluation failed: [sse.dataQueryError]",
        ),
        ({"health": "unknown"}, "warning", "has not been evaluated yet"),
        ({"state": "firing", "alerts": [{}, {}]}, "ok", "loaded, firing, health ok, 2 alerts"),
        ({"health": "nodata"}, "ok", "health nodata"),
        (
            {"uid": "", "state": "pending"},
            "ok",
            "loaded, pending",
        ),  # an older Grafana does not tell the uid
        ({"uid": "another"}, "warning", "Grafana says nothing of its evaluation"),
    ],
)
def test_the_state_of_a_rule(
    check: Any, grafana: Standin, state: Any, level: str, words: str
) -> None:
    grafana.states["bandwatch-missing"] = state
    said = check(grafana.url)
    assert said.of(level, "rule bandwatch-missing", "state", words) and said.status == (
        level == "FAILURE"
    )


@pytest.mark.usefixtures("no_dashboards")
def test_a_rule_that_is_paused_and_one_that_is_gone(check: Any, grafana: Standin) -> None:
    grafana.rules["bandwatch-missing"] = {**grafana.rules["bandwatch-missing"], "isPaused": True}
    del grafana.rules["bandwatch-unreachable"]
    said = check(grafana.url)
    assert said.of("warning", "rule bandwatch-missing", "is paused: it will never fire")
    assert said.failures == said.of("rule bandwatch-unreachable", "not there") and said.status == 1


@pytest.mark.usefixtures("no_dashboards")
def test_a_rule_whose_own_label_swallows_a_column(check: Any, grafana: Standin) -> None:
    grafana.rules["bandwatch-anomaly"] = {
        **grafana.rules["bandwatch-anomaly"],
        "labels": {"severity": "page"},
    }
    said = check(grafana.url)
    assert said.of(
        "FAILURE",
        "rule bandwatch-anomaly",
        "query A",
        "severity is set by Grafana or the rule itself",
    )


def test_a_grafana_that_dies_on_the_way(check: Any, grafana: Standin) -> None:
    grafana.replies["/api/v1/provisioning/alert-rules"] = (301, "/login")
    said = check(grafana.url)
    assert said.of("ok", "dashboard bandwatch-fleet") and said.of("FAILURE", "answers", "points to")
    assert said.status == 1


@pytest.mark.usefixtures("no_dashboards")
def test_where_the_token_comes_from(check: Any, grafana: Standin, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    grafana.dashboards = {}
    grafana.rules = {}
    for flags in (["--token-file", str(tmp_path / "token")], ["--token", TOKEN]):
        assert check(grafana.url, *flags, token="").of("ok", "token", "accepted")
    assert check(grafana.url).of("ok", "token", "accepted")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "no token"),
        (["--token", "a", "--token-file", "b"], "one of them is enough"),
        (["--token-file", "/nowhere/token"], "--token-file /nowhere/token: No such file"),
        (["--token", "two words"], "the token cannot be sent"),
    ],
)
def test_a_token_that_cannot_be(check: Any, flags: list[str], words: str) -> None:
    said = check("http://127.0.0.1:1", *flags, token="")
    assert said.status == 1 and words in said.err and said.out == "" and "two words" not in said.err


def test_a_password_in_the_address_is_refused(check: Any) -> None:
    said = check("http://admin:secret@127.0.0.1:1")
    assert (
        said.status == 1
        and "secret" not in said.err
        and "must not hold a user or password" in said.err
    )


def test_a_certificate_of_an_authority_of_ones_own(check: Any, grafana: Standin) -> None:
    tls = Path(__file__).parent.parent / "plugin" / "prometheus" / "testdata" / "tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "server.pem", tls / "server.key")
    grafana._server.socket = context.wrap_socket(grafana._server.socket, server_side=True)
    grafana.dashboards = {}
    grafana.rules = {}
    url = grafana.url.replace("http://", "https://")
    refused = check(url)
    assert (
        refused.status == 1
        and refused.of("FAILURE", "TLS handshake")
        and "--ca-file" in refused.out
    )
    assert check(url, "--ca-file", str(tls / "ca.pem")).of("ok", "token", "accepted")
