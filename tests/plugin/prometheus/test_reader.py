"""The reader against a real Prometheus: what is read, how it is cut and joined, who we are."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from plugin.config.model import BasicAuth, PrometheusSettings
from plugin.errors import AnswerInvalid, PrometheusError, QueryRejected, Stopped, TooManySeries
from plugin.prometheus import PrometheusReader, matrix, range_walk, series_limits
from plugin.prometheus.credentials import public_url
from plugin.series import Labels
from tests.faults import Connection, FaultProxy, Reply, says, warns
from tests.history import END, GAP, GONE, NASTY, START, STEP, TIMES, daily
from tests.servers import PrometheusServer

TLS = Path(__file__).parent / "testdata" / "tls"
LOOKBACK = 5  # Prometheus repeats a back-filled sample for 5 minutes after the series stops


def matrix_of(*result: object) -> dict[str, object]:
    return {"resultType": "matrix", "result": list(result)}


@pytest.fixture(scope="module")
def read(prometheus: PrometheusServer) -> PrometheusReader:
    return PrometheusReader(PrometheusSettings(url=prometheus.url + "/"))


def test_version(read: PrometheusReader) -> None:
    assert read.product().startswith("Prometheus 2.")


def test_values_times_and_labels_arrive_as_they_were_stored(read: PrometheusReader) -> None:
    answer = read.range('{__name__="shop_visitors"}', START, END, STEP, max_series=2)
    assert [dict(one.labels) for one in answer.series] == [
        {"__name__": "shop_visitors", "route": "/0"},
        {"__name__": "shop_visitors", "route": "/0.25"},
    ]
    for one, phase in zip(answer.series, (0, 0.25), strict=True):
        np.testing.assert_array_equal(one.times, TIMES)
        np.testing.assert_array_equal(one.values, daily(phase).values)  # bit for bit
    assert (answer.warnings, answer.infos, answer.requests) == ((), (), 1)


def test_label_values_of_any_kind_survive(read: PrometheusReader) -> None:
    (one,) = read.range("shop_nasty", START, START, STEP, max_series=1).series
    assert one.labels["text"] == NASTY


def test_gaps_nan_and_infinities_are_absent_times(read: PrometheusReader) -> None:
    stock, ratio, gone = (
        read.range(name, START, END, STEP, max_series=1).series[0]
        for name in ("shop_stock", "shop_ratio", "shop_gone")
    )
    assert sorted(set(TIMES) - set(stock.times)) == TIMES[GAP.start + LOOKBACK : GAP.stop].tolist()
    assert sorted(set(TIMES) - set(ratio.times)) == TIMES[10:13].tolist()
    assert np.isfinite(ratio.values).all()
    assert gone.times[-1] == TIMES[GONE - 1 + LOOKBACK]


def test_a_series_of_nothing_but_nan_is_kept_without_samples(read: PrometheusReader) -> None:
    (one,) = read.range("shop_flat * NaN", START, START + 600, STEP, max_series=1).series
    assert len(one.times) == len(one.values) == 0


def test_a_query_without_series_answers_none(read: PrometheusReader) -> None:
    assert read.range("shop_nothing", START, END, STEP, max_series=1).series == []


def test_a_range_beyond_the_limit_of_prometheus_is_asked_in_pieces(read: PrometheusReader) -> None:
    with pytest.raises(QueryRejected, match="exceeded maximum resolution of 11,000 points"):
        read._range_query("shop_flat", START, START + 11_001 * 10, 10)
    answer = read.range("shop_visitors", START, END, 10, max_series=2)
    assert answer.requests == 2
    for one in answer.series:
        np.testing.assert_array_equal(one.times, np.arange(START, END + 10, 10))


def test_pieces_shrink_with_the_number_of_series_and_join_to_the_same(
    read: PrometheusReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = '{__name__=~"shop_.+"}'
    whole = read.range(everything, START, END, STEP, max_series=100)
    monkeypatch.setattr(range_walk, "MAX_SAMPLES", 4000)
    pieces = read.range(
        everything, START, END, STEP, max_series=100
    )  # 40 points, 500 of 8, 571 of 7 series
    assert (whole.requests, pieces.requests) == (1, 7)
    for one, two in zip(whole.series, pieces.series, strict=True):
        assert one.labels == two.labels
        np.testing.assert_array_equal(one.times, two.times)
        np.testing.assert_array_equal(one.values, two.values)


def test_an_answer_above_the_size_limit_is_asked_again_in_smaller_pieces(
    read: PrometheusReader, prometheus: PrometheusServer
) -> None:
    careful = PrometheusReader(PrometheusSettings(url=prometheus.url), max_bytes=20_000)
    answer = careful.range("shop_visitors", START, END, STEP, max_series=2)
    np.testing.assert_array_equal(answer.series[0].times, TIMES)
    tiny = PrometheusReader(PrometheusSettings(url=prometheus.url), max_bytes=100)
    with pytest.raises(AnswerInvalid, match="more than 0 MiB: aggregate the query"):
        tiny.range("shop_visitors", START, END, STEP, max_series=2)


def test_too_many_series_are_refused_with_their_number(read: PrometheusReader) -> None:
    with pytest.raises(
        TooManySeries, match=r"`\{.+\}` returns 8 series at one time, and `max_series` is 7"
    ):
        read.range('{__name__=~"shop_.+"}', START, START, STEP, max_series=7)


def test_series_that_come_and_go_count_while_they_live(read: PrometheusReader) -> None:
    """Never more than one at a time, two in all."""
    early = f"shop_flat and on() vector(time()) < {TIMES[GONE]}"
    query = f"({early}) or (shop_ratio unless on() ({early}))"
    assert len(read.range(query, START, END, STEP, max_series=1).series) == 2


def test_series_that_never_last_are_refused(
    read: PrometheusReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_limits, "MAX_TURNOVER", 20)
    query = " or ".join(
        f'(label_replace(shop_flat, "n", "{n}", "", "")'
        f" and on() (vector(time()) % 3000 == {n * 60}))"
        for n in range(21)
    )
    with pytest.raises(TooManySeries, match="21 series or more that came and went: aggregate away"):
        read.range(query, START, END, STEP, max_series=1)


def test_a_wrong_query_says_what_prometheus_said_and_which_query(read: PrometheusReader) -> None:
    said = r"refused with 400 \(bad_data: .*parse error.*correct the query \(query `rate\(shop`\)"
    with pytest.raises(QueryRejected, match=said):
        read.range("rate(shop", START, END, STEP, max_series=1)


def test_times_off_the_grid_are_a_mistake_of_the_caller(read: PrometheusReader) -> None:
    with pytest.raises(ValueError, match="multiples of step 60"):
        read.range("shop_flat", START + 1, END, STEP, max_series=1)


def test_warnings_and_infos_are_reported(faults: FaultProxy) -> None:
    faults.fault = warns("store 3 is down", "store 3 is down", "store 4 is down")
    answer = PrometheusReader(PrometheusSettings(url=faults.url)).range(
        "shop_flat", START, END, STEP, max_series=1
    )
    assert answer.warnings == ("store 3 is down", "store 4 is down")
    assert len(answer.series) == 1


@pytest.mark.parametrize(
    "data, message",
    [
        ({"resultType": "vector", "result": []}, "with a 'vector', not a matrix"),
        ({"result": []}, "a matrix that cannot be read"),
        ([], "answered without a matrix"),
        ({}, "answered without a matrix"),
        (matrix_of({"metric": {}}), "a matrix that cannot be read"),
        (matrix_of({"metric": {}, "values": [[0, "one"]]}), "a matrix that cannot be read"),
        (matrix_of({"metric": {}, "values": [[61, "1"]]}), "at 61.000, which is not on the grid"),
        (matrix_of({"metric": {}, "values": [[60.5, "1"]]}), "at 60.500, which is not on the grid"),
        (matrix_of({"metric": {}, "values": [[180, "1"]]}), "at 180.000, which is not on the grid"),
        (
            matrix_of(*[{"metric": {"a": "b"}, "values": []}] * 2),
            r'2 series with the same labels \{a="b"\}',
        ),
        (matrix_of({"metric": {}, "histograms": []}), "native histograms: make numbers"),
    ],
)
def test_a_matrix_that_breaks_the_promise_is_refused(
    faults: FaultProxy, data: object, message: str
) -> None:
    faults.fault = says({"status": "success", "data": data})
    with pytest.raises(AnswerInvalid, match=message):
        PrometheusReader(PrometheusSettings(url=faults.url)).range("up", 0, 120, 60, max_series=9)


def test_duplicate_samples_are_dropped_and_late_ones_sorted() -> None:
    values = [[120, "3"], [60, "2"], [60, "9"], [0, "1"]]
    data = matrix_of(
        {"metric": {"a": "1"}, "values": values}, {"metric": {"a": "2"}, "values": [[0, "5"]]}
    )
    parsed = matrix.Matrix.parse(data, 0, 120, 60)
    one, two = matrix.merge([parsed])
    assert (one.times.tolist(), one.values.tolist()) == ([0, 60, 120], [1, 2, 3])
    assert (two.labels, two.values.tolist()) == (Labels.of({"a": "2"}), [5])


def test_each_request_is_reported_once(prometheus: PrometheusServer) -> None:
    seen: list[tuple[str, float]] = []
    read = PrometheusReader(
        PrometheusSettings(url=prometheus.url), on_request=lambda *request: seen.append(request)
    )
    read.range("shop_flat", START, END, 10, max_series=1)
    with pytest.raises(QueryRejected):
        read.range("shop_flat{", START, END, STEP, max_series=1)
    assert [outcome for outcome, _ in seen] == ["success", "success", "rejected"]
    assert all(0 < seconds < 10 for _, seconds in seen)


def test_threads_share_a_reader(read: PrometheusReader) -> None:
    wrong: list[str] = []

    def ask(phase: float) -> None:
        for _ in range(20):
            query = f'shop_visitors{{route="/{phase:g}"}}'
            (one,) = read.range(query, START, END, STEP, max_series=1).series
            if not np.array_equal(one.values, daily(phase).values):
                wrong.append(query)

    threads = [threading.Thread(target=ask, args=(phase,)) for phase in (0, 0.25) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 1 <= len(read._idle) <= 8
    read.close()
    assert len(read._idle) == 0
    with pytest.raises(Stopped):  # so that whoever still runs ends
        read.product()


def test_headers_and_tokens_are_sent_and_files_are_read_each_time(
    faults: FaultProxy, tmp_path: Path
) -> None:
    sent: list[tuple[str | None, str | None]] = []

    def record(connection: Connection, reply: Reply) -> None:
        sent.append((connection.headers["Authorization"], connection.headers["X-Scope-OrgID"]))
        connection.send(200, reply.body)

    faults.fault = record
    token = tmp_path / "token"
    token.write_text("first\n")
    headers = {"X-Scope-OrgID": SecretStr("shop")}
    read = PrometheusReader(
        PrometheusSettings(url=faults.url, bearer_token_file=str(token), headers=headers)
    )
    read.product()
    token.write_text("second\n")
    read.product()
    PrometheusReader(PrometheusSettings(url=faults.url, bearer_token=SecretStr("fixed"))).product()
    assert sent == [("Bearer first", "shop"), ("Bearer second", "shop"), ("Bearer fixed", None)]
    token.unlink()
    with pytest.raises(
        QueryRejected, match="cannot read `prometheus.bearer_token_file` .*No such file"
    ):
        read.product()


def test_netrc_is_not_asked_for_credentials(
    faults: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent: list[str | None] = []

    def record(connection: Connection, reply: Reply) -> None:
        sent.append(connection.headers["Authorization"])
        connection.send(200, reply.body)

    faults.fault = record
    PrometheusReader(PrometheusSettings(url=faults.url)).product()
    assert sent == [None]


def test_a_header_that_cannot_be_sent_does_not_leak(prometheus: PrometheusServer) -> None:
    with pytest.raises(QueryRejected, match="has it a line break") as caught:
        PrometheusReader(
            PrometheusSettings(url=prometheus.url, bearer_token=SecretStr("hush\nhush"))
        ).product()
    assert "hush" not in str(caught.value)


def test_public_url_has_neither_user_nor_password() -> None:
    assert (
        public_url("https://me:secret@prom.example:9090/prefix/")
        == "https://prom.example:9090/prefix"
    )


WEB = f"""
tls_server_config: {{cert_file: {TLS}/server.pem, key_file: {TLS}/server.key,
  client_ca_file: {TLS}/ca.pem,
                    client_auth_type: RequireAndVerifyClientCert}}
basic_auth_users:  # open sesame
  "zoë": "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"
"""


class GuardedServer(PrometheusServer):
    """Asks for a client certificate, which urllib does not bring: an open port is answer enough."""

    def answers(self) -> bool:
        try:
            PrometheusReader(guarded(self)).product()
        except PrometheusError:
            return False
        return True


def guarded(server: PrometheusServer, **changes: object) -> PrometheusSettings:
    auth = BasicAuth(username="zoë", password=SecretStr("open sesame"))
    settings = PrometheusSettings(
        url=server.url,
        ca_file=str(TLS / "ca.pem"),
        cert_file=str(TLS / "client.pem"),
        key_file=str(TLS / "client.key"),
        basic_auth=auth,
        retries=0,
    )
    return settings.model_copy(update=changes)


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    folder = tmp_path_factory.mktemp("fortress")
    with GuardedServer(folder, scheme="https", web_config=WEB) as server:
        yield server


def test_certificate_and_password_open_a_guarded_one(
    fortress: PrometheusServer, tmp_path: Path
) -> None:
    assert PrometheusReader(guarded(fortress)).product().startswith("Prometheus 2.")
    (tmp_path / "password").write_text("open sesame\n")
    from_file = BasicAuth(username="zoë", password_file=str(tmp_path / "password"))
    assert PrometheusReader(guarded(fortress, basic_auth=from_file)).product()
    in_url = fortress.url.replace("://", "://zo%C3%AB:open%20sesame@")
    assert PrometheusReader(guarded(fortress, basic_auth=None, url=in_url)).product()


@pytest.mark.parametrize(
    "changes, kind, message",
    [
        ({"basic_auth": None}, "rejected", "refused with 401 .*check the credentials"),
        ({"ca_file": None}, "unavailable", "failed the TLS handshake .*check `prometheus.ca_file`"),
        ({"ca_file": "/nowhere/ca.pem"}, "unavailable", "could not be asked .*/nowhere/ca.pem"),
        ({"cert_file": None, "key_file": None}, "unavailable", "TLS handshake .*certificate"),
    ],
)
def test_a_guarded_prometheus_says_what_is_missing(
    fortress: PrometheusServer, changes: dict[str, object], kind: str, message: str
) -> None:
    with pytest.raises(PrometheusError, match=message) as caught:
        PrometheusReader(guarded(fortress, **changes)).product()
    assert caught.value.reason == kind


@pytest.mark.parametrize(
    "label", ['"\\ud800"', "5", "null", "true", '["x"]', '{"a": "b"}'], ids=lambda text: text[:8]
)
def test_a_series_with_a_label_that_is_not_text_is_left_out_and_the_others_live(label: str) -> None:
    text = f"""{{"resultType": "matrix", "result": [
        {{"metric": {{"job": {label}}}, "values": [[60, "1"], [120, "2"]]}},
        {{"metric": {{"job": "fine"}}, "values": [[60, "3"]]}}]}}"""
    parsed = matrix.Matrix.parse(json.loads(text), 0, 120, 60)
    assert [str(labels) for labels in parsed.labels] == ['{job="fine"}']
    assert parsed.unreadable == 1 and parsed.values.tolist() == [3.0]
