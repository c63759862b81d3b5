"""Which watches fit which metrics."""

from plugin.commands.init.candidates import candidates, with_words
from plugin.commands.init.presets import read_presets
from plugin.prometheus.catalogue import MetricCatalogue


def names(*metrics: str, preset: str = "red", **types: str) -> list[str]:
    found = candidates(read_presets([preset]), MetricCatalogue(frozenset(metrics), types))
    return [candidate.name for candidate in found]


def test_a_watch_needs_all_of_its_metrics() -> None:
    assert names("node_memory_MemAvailable_bytes", preset="node") == []
    both = ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes")
    assert names(*both, preset="node") == ["node_memory"]


def test_request_counters_and_histograms_are_recognised() -> None:
    assert names("http_requests_total") == ["http_requests_rate", "http_requests_errors"]
    assert names("grpc_server_handled_total") == [
        "grpc_server_handled_rate",
        "grpc_server_handled_errors",
    ]
    assert names("http_client_errors_total") == ["http_client_errors"]
    histogram = ("rpc_duration_seconds_bucket", "rpc_duration_seconds_count")
    assert names(*histogram) == ["rpc_duration_p95"]


def test_a_histogram_gives_the_rate_unless_a_counter_does() -> None:
    histogram = ("http_request_duration_seconds_bucket", "http_request_duration_seconds_count")
    alone = names(*histogram)
    assert alone == ["http_request_duration_p95", "http_request_rate", "http_request_errors"]
    assert names(*histogram, "http_requests_total") == [
        "http_requests_rate",
        "http_requests_errors",
        "http_request_duration_p95",
    ]


def test_what_monitors_itself_is_passed_over() -> None:
    assert names("promhttp_metric_handler_requests_total", "bandwatch_http_requests_total") == []


def test_a_metric_of_another_type_is_passed_over() -> None:
    assert names("open_requests_total", open_requests_total="gauge") == []
    assert names("api_requests_total", api_requests="counter") != []  # as OpenMetrics names it
    assert names("api_requests_total", api_requests_total="unknown") != []


def test_words_go_into_every_text_of_a_setting() -> None:
    settings = {"query": "rate($metric[$window])", "group_by": ["$by"], "valid_range": [0, None]}
    words = {"metric": "a_total", "window": "5m", "by": "job"}
    assert with_words(settings, words) == {
        "query": "rate(a_total[5m])",
        "group_by": ["job"],
        "valid_range": [0, None],
    }
