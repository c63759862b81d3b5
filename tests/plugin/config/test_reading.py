import math
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.config import (
    BasicAuth,
    Calendar,
    Config,
    PrometheusSettings,
    RemoteWriteSettings,
    TlsServerSettings,
    User,
    Watch,
    WebSettings,
    listening_on,
    load,
    parse,
)
from plugin.errors import ConfigError

GOOD = (Path(__file__).parent / "testdata" / "good.yml").read_text()
ENVIRONMENT = {"TEAM": "db", "SHIFT": "night", "READ_TOKEN": "r-token", "MAX_SERIES": "70"}
MINIMAL = "prometheus: {url: http://localhost:9090}\nwatches:\n  - {name: up, query: up%s}\n"


def read(text: str, **environment: str) -> Config:
    return parse(
        text, file="etc/bandwatch.yml", detectors=("auto", "lstm", "vae"), environment=environment
    )


@pytest.fixture
def good() -> Config:
    return read(GOOD, **ENVIRONMENT)


def test_every_setting_of_a_watch_is_read(good: Config) -> None:
    watch = good.watches[0]
    assert watch == Watch(
        name="cpu",
        query='1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
        step=15,
        offset=90,
        fit_window=28 * 86_400,
        fit_every=43_200,
        learn_for=2 * 86_400,
        score_every=30,
        backfill=0,
        detector="lstm",
        detector_options={"hidden": 32, "rate": 0.01, "cell": "gru", "deep": True},
        alert_budget=2 / (30 * 86_400),
        labels={"severity": "page", "price": "${literal}", "team": "db-night"},
        max_series=50,
        timezone="Europe/Vienna",
        calendar=Calendar(country="AT", subdivision="9"),
        direction="above",
        min_deviation=0.05,
        min_relative_deviation=0.2,
        valid_range=(0, 1),
        missing_data="alert",
        persistence=(2, 3),
    )
    assert watch.detector_options["deep"] is True and watch.score_interval == 30


def test_a_merged_watch_has_its_own_settings_and_those_of_the_anchor(good: Config) -> None:
    first, second = good.watches
    assert (second.name, second.max_series, second.detector) == ("memory-2", 70, "vae")
    assert second.valid_range == (-math.inf, 1000) and second.detector_options == {}
    same = {"step", "labels", "persistence", "alert_budget"}
    assert second.model_dump(include=same) == first.model_dump(include=same)


def test_files_start_at_the_folder_of_the_configuration(good: Config) -> None:
    prometheus = good.prometheus
    assert prometheus.ca_file == "etc/ca.pem" and prometheus.cert_file == "/etc/client.pem"
    assert prometheus.key_file == "etc/../client-key.pem"
    assert prometheus.basic_auth == BasicAuth(
        username="bandwatch", password_file="etc/secrets/password"
    )
    assert good.web.basic_auth[1] == User(username="root", password_file="etc/root", may_write=True)
    assert good.web.tls_server_config == TlsServerSettings(
        cert_file="etc/server.pem",
        key_file="/etc/server.key",
        client_auth_type="RequireAndVerifyClientCert",
        client_ca_file="etc/ca.pem",
        min_version="TLS13",
    )
    assert good.store.path == "data"


def test_a_database_server_is_read() -> None:
    url = "postgres://bandwatch@db.example.org:5433/metrics?sslmode=verify-full"
    text = MINIMAL % "" + f"store: {{url: '{url}', password_file: secret, pool_size: 8}}"
    store = read(text).store
    assert store.url == url.replace("postgres:", "postgresql+psycopg:")
    assert (store.password_file, store.pool_size) == ("etc/secret", 8)


def test_several_database_hosts_belong_into_the_options() -> None:
    url = "postgresql://b@/metrics?host=a:5432&host=b:5432&target_session_attrs=read-write"
    text = MINIMAL % "" + "store: {url: '%s'}"
    assert read(text % url).store.url == url.replace("postgresql:", "postgresql+psycopg:")
    with pytest.raises(ConfigError, match=r"store\.url: found .*; valid is the URL of a Postgre"):
        read(text % "postgresql://b@a:5432,b:5432/metrics")


def test_where_fits_run_is_read() -> None:
    text = MINIMAL % "" + "executor: {kind: ray, address: 'ray://head:10001', gpus_per_fit: 0.5}"
    executor = read(text).executor
    assert (executor.kind, executor.address) == ("ray", "ray://head:10001")
    assert (executor.gpus_per_fit, executor.fallback) == (0.5, "local")
    assert read(MINIMAL % "" + "executor:").executor.kind == "local"


@pytest.mark.parametrize(
    "url", ["file:/mnt/models", "file:///mnt/models", "s3://bucket", "gs://b/p", "abfs://c/p"]
)
def test_where_weights_are_is_read(url: str) -> None:
    assert read(MINIMAL % "" + f"store: {{weights: '{url}/'}}").store.weights == url


@pytest.mark.parametrize("url", ["/mnt", "http://x/y", "s3://key:secret@bucket", "s3://", "file:x"])
def test_where_weights_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"store\.weights: found .*; valid is ") as refusal:
        read(MINIMAL % "" + f"store: {{weights: '{url}'}}")
    assert "secret" not in str(refusal.value)


def test_what_the_server_can_bear_is_read(good: Config) -> None:
    web = good.web
    assert (web.max_connections, web.answer_memory) == (2000, 128)
    assert (web.request_timeout, web.send_timeout, web.idle_timeout) == (5, 60, 3600)


def test_addresses_for_people_are_read(good: Config) -> None:
    assert good.web.prometheus_url == "https://prometheus.example.org/p"
    assert good.web.grafana_url == "https://grafana.example.org"


def test_client_certificates_keep_strangers_out() -> None:
    """As credentials do: then other machines may reach it."""
    tls = "tls_server_config: {cert_file: c, key_file: k, client_ca_file: a, client_auth_type: %s}"
    open_to_all = MINIMAL % "" + "web: {listen_address: ':1', " + tls + "}"
    assert read(open_to_all % "RequireAndVerifyClientCert").web.guarded
    with pytest.raises(ConfigError, match="which other machines can reach"):
        read(open_to_all % "VerifyClientCertIfGiven")


def test_remote_write_is_read_like_prometheus(good: Config) -> None:
    assert good.remote_write == RemoteWriteSettings(
        url="https://mimir.example/api/v1/push?tenant=7",
        ca_file="etc/ca.pem",
        max_age=7200,
        basic_auth=BasicAuth(username="bandwatch", password_file="etc/secrets/password"),
    )
    assert (good.remote_write.timeout, good.remote_write.batch) == (10, 2000)


@pytest.mark.parametrize("section", ["", "remote_write:\n"])
def test_without_remote_write_nothing_is_sent(section: str) -> None:
    assert read(MINIMAL % "" + section).remote_write is None


def test_a_url_has_no_slash_at_its_end(good: Config) -> None:
    assert good.prometheus.url == "https://prometheus.example/base"


def test_what_is_left_out_has_its_default() -> None:
    config = read(MINIMAL % "")
    assert config == Config(
        prometheus=PrometheusSettings(url="http://localhost:9090"),
        watches=(Watch(name="up", query="up"),),
    )
    assert config.watches[0].score_interval == 60


@pytest.mark.parametrize(
    ("step", "given", "timeouts"),
    [
        ("1m", "", (5, 30)),
        ("15s", "", (5, 7)),
        ("2s", "", (1, 1)),
        ("1s", "", (1, 1)),
        ("1s", ", read_timeout: 1s", (1, 1)),
        ("1m", ", read_timeout: 3s", (3, 3)),
        ("15s", ", connect_timeout: 2s, read_timeout: 14s", (2, 14)),
    ],
)
def test_default_timeouts_fit_into_the_shortest_interval(
    step: str, given: str, timeouts: tuple[int, int]
) -> None:
    text = (MINIMAL % f", step: {step}, fit_window: 1d").replace("9090", "9090" + given)
    prometheus = read(text).prometheus
    assert (prometheus.connect_timeout, prometheus.read_timeout) == timeouts


def test_a_short_retention_shortens_the_default_of_gone_after() -> None:
    assert (
        read(MINIMAL % ", fit_window: 1d" + "store: {retention: 2d}").store.gone_after == 2 * 86_400
    )


def test_an_automatic_fit_window_is_five_weeks_within_its_steps() -> None:
    text = MINIMAL % ", step: %s, alert_budget: 1/60d" + "store: {retention: 365d}"
    windows = {step: read(text % step).watches[0] for step in ("1m", "15s", "6h", "1d")}
    assert {step: watch.fit_seconds / 86_400 for step, watch in windows.items()} == {
        "1m": 35,
        "15s": 60_000 * 15 / 86_400,
        "6h": 35,
        "1d": 100,
    }
    assert {watch.fit_window for watch in windows.values()} == {"auto"}


def test_an_automatic_fit_window_is_what_the_store_keeps_if_that_is_less() -> None:
    watch = read(MINIMAL % ", fit_window: auto" + "store: {retention: 20d}").watches[0]
    assert watch.fit_seconds == watch.fit_window == 20 * 86_400


def test_the_calendar_of_the_file_holds_for_watches_without_one() -> None:
    calendars = [
        read(MINIMAL % own + "calendar: {country: DE, subdivision: BE}").watches[0].calendar
        for own in ("", ", calendar: {country: 'NO'}", ", calendar: null")
    ]
    assert calendars == [Calendar(country="DE", subdivision="BE"), Calendar(country="NO"), None]


def test_the_default_forecast_is_no_longer_than_it_may_be_at_that_step() -> None:
    at = {
        step: read(MINIMAL % f", step: {step}, fit_window: 1d").watches[0].forecast
        for step in ("1m", "5s")
    }
    assert at == {"1m": 7200, "5s": 2400}


def test_the_default_first_day_is_no_longer_than_the_fit_window() -> None:
    watch = MINIMAL % ", fit_window: %s"
    assert read(watch % "6h").watches[0].learn_for == 6 * 3600
    assert read(watch % "2d").watches[0].learn_for == 86_400
    assert read(watch % "2d, learn_for: 0s").watches[0].learn_for == 0


def test_a_byte_order_mark_is_no_part_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_QUERY", "up")
    monkeypatch.setattr("importlib.metadata.EntryPoints.names", {"auto"})
    (tmp_path / "b.yml").write_bytes(
        b"\xef\xbb\xbf"
        + (MINIMAL % "")
        .replace("query: up", "query: $SOME_QUERY")
        .replace("$SOME_QUERY", "'${SOME_QUERY}'")
        .encode()
    )
    assert load(tmp_path / "b.yml").watches[0].query == "up"


@pytest.mark.parametrize(
    "text", ["no", "1:30", "2026-01-01", "0123", "0x1F", "1_000", "on", "~user", "Yes"]
)
def test_only_the_plain_types_of_yaml_1_2_are_not_text(text: str) -> None:
    watch = read(
        f"{MINIMAL % ''}    ".replace("query: up", f"query: up, labels: {{a: {text}}}")
    ).watches[0]
    assert watch.labels == {"a": text}


def test_detectors_are_those_that_are_installed() -> None:
    with pytest.raises(
        ConfigError, match="valid is an installed detector; none is: install bandwatch with pip"
    ):
        parse(MINIMAL % "", file="x.yml", detectors=())


def test_rules_hold_beside_a_refused_setting() -> None:
    """What one message is about is not told again by a rule; other rules are still checked."""
    text = MINIMAL % ", step: 1 day, fit_every: 1h, alert_budget: 1/h"
    with pytest.raises(ConfigError) as refused:
        read(text + "web: {listen_address: ':1'}")
    assert [line.partition(": found")[0] for line in str(refused.value).splitlines()] == [
        "etc/bandwatch.yml:3: watches[0].step",
        "etc/bandwatch.yml:4: web.listen_address",
    ]


def test_a_flag_moves_the_listen_address() -> None:
    config = read(MINIMAL % "")
    moved = listening_on(config, "localhost:0")
    assert (
        moved.web == WebSettings(listen_address="localhost:0") and moved.watches == config.watches
    )
    assert (
        listening_on(read(MINIMAL % "" + "web: {read_token: t}"), ":1").web.listen_address == ":1"
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "9090",
            (
                '--web.listen-address: found "9090"; valid is HOST:PORT such as 127.0.0.1:8642,'
                ' [::1]:8642 or :8642 for all addresses; did you mean "127.0.0.1:9090"?'
            ),
        ),
        (
            "0.0.0.0:1",
            (
                '--web.listen-address: found "0.0.0.0:1", which other machines can reach, without'
                " any authentication; valid is an address of this machine only such as"
                " 127.0.0.1:8642, or web.read_token, web.write_token or web.basic_auth set, or"
                " web.allow_unauthenticated: true"
            ),
        ),
    ],
)
def test_a_flag_is_checked_like_the_file(address: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        listening_on(read(MINIMAL % ""), address)
    assert str(refused.value) == message


def test_importing_is_light() -> None:
    slow = ("torch", "flask", "sqlalchemy", "numpy")
    program = f"import sys, plugin.config; print([name for name in {slow} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
