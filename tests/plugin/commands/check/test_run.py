"""`bandwatch check` against a real Prometheus with known history."""

import io
import re

import pytest

from detectors.api import NotEnoughData, SeriesBatch
from plugin.commands.check import watch_samples
from plugin.commands.check.fit_time import SecondsPerSeries
from plugin.commands.check.run import check
from plugin.config.model import Calendar, Config, PrometheusSettings, Watch, WorkerSettings
from plugin.config.shards import with_shards
from plugin.domain.times import DAY
from tests import faults as fault
from tests.faults import FaultProxy
from tests.history import END, GAP, STEP
from tests.servers import PrometheusServer


class Fit:
    """Stands for a timed fit of 0.5 s per series; remembers what it was given."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int]] = []

    def __call__(self, watch: Watch, batch: SeriesBatch) -> float:
        self.shapes.append(batch.shape)
        return 0.5


def run(url: str, *watches: Watch, fit: SecondsPerSeries | None = None) -> tuple[bool, str]:
    settings = PrometheusSettings(url=url, connect_timeout=1, read_timeout=5, retries=0)
    out = io.StringIO()
    works = check(
        Config(prometheus=settings, watches=watches, workers=WorkerSettings(fits=2)),
        out=out,
        seconds_per_series=fit or Fit(),
        now=lambda: END + 5,
    )
    return works, out.getvalue()


def watch(query: str, **settings: object) -> Watch:
    return Watch(name="shop", query=query, fit_window=2 * DAY, step=STEP).model_copy(
        update=settings
    )


def test_a_healthy_watch_is_described(prometheus: PrometheusServer) -> None:
    fit = Fit()
    works, text = run(prometheus.url, watch("shop_visitors"), fit=fit)
    assert works
    assert text.splitlines() == [
        f"Prometheus 2.42.0+ds at {prometheus.url}",
        "",
        "shop: shop_visitors",
        "  series   2 now, 2 within 2d (max_series 1,000)",
        "  points   5,760 read, all of 2d, one every 1m",
        "  gaps     none",
        "  history  2d, as long as fit_window",
        (
            "  teaches  the shape of the day: known; weekends: not with so short a fit_window;"
            " each weekday: not with so short a fit_window"
        ),
        "  counter  no",
        "  fit      about 1s for 2 series, every 1d",
        "",
        "1 of 1 watches work",
    ]
    assert fit.shapes == [(1, 2881), (2, 2881)]


def test_gaps_are_counted_from_the_first_sample(prometheus: PrometheusServer) -> None:
    _, text = run(prometheus.url, watch("shop_stock"))
    missing = GAP.stop - GAP.start - 5  # Prometheus repeats the last sample for five minutes
    assert (
        f"  gaps     {missing / 2880:.2%} of the points are missing; most in shop_stock{{}}: "
        in text
    )


def test_a_series_that_is_gone_counts_as_missing(prometheus: PrometheusServer) -> None:
    _, text = run(prometheus.url, watch("shop_gone"))
    assert "series   0 now, 1 within 2d" in text
    assert "gaps     49.83% of the points are missing" in text


@pytest.mark.parametrize(
    "query, verdict",
    [
        (
            "shop_requests_total",
            (
                "LOOKS LIKE A RAW COUNTER (1 of 1 series only rise, apart from restarts, as "
                'shop_requests_total{code="200"}'
            ),
        ),
        ("shop_requests_total", "use rate(shop_requests_total[5m])\n"),
        ("sum(shop_requests_total)", "use rate(...[5m]) of it in the query\n"),
        ("rate(shop_requests_total[5m])", "counter  no: the query takes a rate\n"),
        ('label_replace(shop_requests_total, "a", "rate(x)", "", "")', "LOOKS LIKE A RAW COUNTER"),
    ],
)
def test_a_raw_counter_is_called_one(
    prometheus: PrometheusServer, query: str, verdict: str
) -> None:
    works, text = run(prometheus.url, watch(query))
    assert works and verdict in text


def test_a_series_that_comes_less_often_than_the_step_is_warned_of(
    prometheus: PrometheusServer,
) -> None:
    _, text = run(prometheus.url, watch("shop_flat and on() (vector(time() % 3600) < 60)"))
    assert (
        "warning  1 of 1 series comes less often than every third step, for example shop_flat{},"
        " once in 1h" in text
    )
    _, text = run(prometheus.url, watch("shop_flat and on() (vector(time() % 180) < 60)"))
    assert "warning" not in text


def test_a_constant_series_is_named(prometheus: PrometheusServer) -> None:
    _, text = run(prometheus.url, watch("shop_flat"))
    assert "constant 1 of 1 series never changes, for example shop_flat{}" in text


def test_a_short_history_is_said(prometheus: PrometheusServer) -> None:
    works, text = run(prometheus.url, watch("shop_visitors", fit_window=14 * DAY))
    assert works
    assert "history  2d of the 2w of fit_window; a fit learns from what there is" in text
    assert "teaches  the shape of the day: known; weekends: known from " in text


def test_a_prometheus_that_has_just_begun_is_described(prometheus: PrometheusServer) -> None:
    young = watch(f"shop_visitors and on() (vector(time()) >= {END - 600})", fit_window=30 * DAY)
    works, text = run(prometheus.url, young)
    assert works, text
    assert "series   2 now, 2 within 30d" in text


def test_the_history_of_an_automatic_window_is_read(prometheus: PrometheusServer) -> None:
    berlin = Calendar(country="DE", subdivision="BE")
    works, text = run(prometheus.url, watch("shop_visitors", fit_window="auto", calendar=berlin))
    assert works
    assert "history  2d of the 5w of fit_window" in text
    assert re.search(r"teaches .*; each weekday: known from \d+ \w+.* on; holidays: known", text)


def test_much_history_is_sampled_and_the_fit_scaled_up(
    prometheus: PrometheusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_samples, "MAX_SAMPLES", 1000)
    fit = Fit()
    _, text = run(prometheus.url, watch("shop_visitors", fit_every=1), fit=fit)
    assert "points   2,882 read, the last 1d of 2d" in text
    assert fit.shapes == [(1, 1441), (2, 1441)]
    assert (
        "fit      about 2s for 2 series, every 1s" in text
    )  # 0.5 s a series and day, and two days
    assert "history  2d, as long as fit_window" in text


def test_a_fit_that_takes_longer_than_its_interval_is_warned_of(
    prometheus: PrometheusServer,
) -> None:
    _, text = run(prometheus.url, watch("shop_visitors", fit_every=60), fit=lambda *_: 90.0)
    assert "fit      about 3m for 2 series, every 1m" in text
    assert "warning  a fit takes longer than fit_every: 1m: raise it, or `workers.fits`" in text


def test_a_detector_that_refuses_does_not_fail_the_check(prometheus: PrometheusServer) -> None:
    def refuse(*_: object) -> float:
        raise NotEnoughData("3 samples, 100 are needed")

    works, text = run(prometheus.url, watch("shop_visitors"), fit=refuse)
    assert works and "fit      not yet possible: 3 samples, 100 are needed" in text


def test_failures_do_not_stop_the_others(prometheus: PrometheusServer) -> None:
    works, text = run(
        prometheus.url,
        watch("shop_nothing", name="none"),
        watch("wrong(shop_flat)", name="broken"),
        watch("shop_visitors", name="many", max_series=1),
        watch("shop_visitors", name="good"),
    )
    assert not works
    assert "FAILED   no series in the last 2d: check the names and the label matchers" in text
    assert "FAILED   Prometheus at" in text and "unknown function with name" in text
    assert (
        "FAILED   the query `shop_visitors` returns 2 series at one time, and `max_series` is 1"
        in text
    )
    assert "good: shop_visitors\n  series   2 now" in text
    assert text.endswith("1 of 4 watches work; these do not: none, broken, many\n")


def test_a_name_that_is_not_there_is_told_with_the_nearest(prometheus: PrometheusServer) -> None:
    works, text = run(prometheus.url, watch("sum by (code) (rate(shop_request_total[5m]))"))
    assert not works
    nearest = "the nearest is `shop_requests_total`"
    missing = "this Prometheus has had no metric `shop_request_total` in the last 2d"
    assert f"  warning  {missing}; {nearest}\n" in text
    works, text = run(prometheus.url, watch("shop_visitors and on() shop_visitor"))
    assert not works and "no metric `shop_visitor` in the last 2d; the nearest" in text


def test_no_series_now_is_a_warning(prometheus: PrometheusServer) -> None:
    works, text = run(prometheus.url, watch("shop_gone or shop_went"))
    assert works
    assert re.search(r"warning  no series now: the newest sample is of 2026-03-0\dT", text)
    assert "no metric `shop_went` in the last 2d" in text and "no metric `shop_gone`" not in text
    _, text = run(prometheus.url, watch("shop_visitors or shop_went"))
    assert "warning" not in text


def test_a_range_of_few_scrapes_is_told(prometheus: PrometheusServer) -> None:
    """A sample comes every minute."""
    advice = "a sample comes every 1m, and the range holds fewer than 4"
    works, text = run(prometheus.url, watch("sum(rate(shop_requests_total[10s]))"))
    assert not works, "it has no value at all"
    assert f"warning  rate(shop_requests_total[10s]): {advice}" in text
    assert "use [4m] or more" in text
    works, text = run(prometheus.url, watch("sum(rate(shop_requests_total[2m]))"))
    assert works and f"warning  rate(shop_requests_total[2m]): {advice}" in text
    _, text = run(prometheus.url, watch("sum(rate(shop_requests_total[4m]))"))
    assert "warning" not in text


def test_moments_at_which_the_query_fails_are_counted(prometheus: PrometheusServer) -> None:
    first = END - 3000 * STEP // 2 + STEP
    bad = f"(vector(time()) >= {first} <= {first + 4 * STEP})"
    two = f'vector(1) or (label_replace(vector(1), "n", "2", "", "") and on() {bad})'
    works, text = run(prometheus.url, watch(f"shop_visitors * on() group_left() ({two})"))
    assert works and "series   2 now, 2 within 2d" in text
    assert "warning  evaluates now; not at 5 instants of the window, which stay without" in text
    assert "many-to-many" in text or "duplicate series" in text
    assert re.search(r"the first is 2026-03-0\dT\d\d:\d\d:00Z: Prometheus at", text)


def test_series_that_come_and_go_are_told(prometheus: PrometheusServer) -> None:
    pods = " or ".join(
        f'(label_replace(shop_flat, "pod", "{n}", "", "") and on()'
        f" (vector(time()) >= {END - (n + 1) * 3600 + STEP} <= {END - n * 3600}))"
        for n in range(20)
    )
    works, text = run(prometheus.url, watch(pods, max_series=1))
    assert works
    assert "series   1 now, at most 1 at one time, 20 within 2d (max_series 1)" in text


def test_samples_that_arrive_late_are_told(prometheus: PrometheusServer) -> None:
    """The world ends at END: seen 200 s later, its newest samples are as old."""
    nameless = '{__name__=~"shop_visitors"}'  # `timestamp` may refuse it
    for query in ("shop_visitors", "rate(shop_requests_total[5m])", nameless):
        out = io.StringIO()
        settings = PrometheusSettings(url=prometheus.url)
        assert check(
            Config(prometheus=settings, watches=(watch(query),)),
            out=out,
            seconds_per_series=Fit(),
            now=lambda: END + 200,
        )
        assert (
            "warning  samples arrive late: the newest one was 180 s old, and one comes every 60 s:"
            " values of the last 180 s still change: set offset to 3m" in out.getvalue()
        ), query
    _, text = run(prometheus.url, watch("shop_visitors"))
    assert "late" not in text


def test_warnings_of_prometheus_are_shown(faults: FaultProxy) -> None:
    faults.fault = fault.then(fault.pass_on, fault.warns("store 3 is down"))
    works, text = run(faults.url, watch("shop_visitors"))
    assert works and text.count("warning  store 3 is down") == 1


def test_a_prometheus_that_is_down_fails_once(faults: FaultProxy) -> None:
    faults.refuse()
    works, text = run(faults.url, watch("shop_visitors"), watch("shop_flat"))
    assert not works
    assert (
        text.startswith(f"FAILED: Prometheus at {faults.url} refused the connection")
        and text.count("\n") == 1
    )


def test_a_server_without_a_version_is_checked_all_the_same(faults: FaultProxy) -> None:
    faults.fault = fault.then(fault.status(404), fault.pass_on)
    works, text = run(faults.url, watch("shop_visitors"))
    assert works and text.startswith(f"Prometheus at {faults.url} (version not known: ")


def test_covariates_are_tried_and_matched(prometheus: PrometheusServer) -> None:
    two = (
        'label_replace(shop_flat, "pod", "1", "", "") or label_replace(shop_ratio, "pod", "2",'
        ' "", "")'
    )
    given = ("shop_flat", "shop_visitors * 2", "nothing", two)
    works, text = run(prometheus.url, watch("shop_visitors", covariates=given))
    have = "series of the watch have one"
    assert works and [line for line in text.splitlines() if have in line] == [
        f"  channel  covariate shop_flat: 1 series now; 2 of 2 {have}",
        f"  channel  covariate shop_visitors * 2: 2 series now; 2 of 2 {have}",
        f"  channel  covariate nothing: 0 series now; 0 of 2 {have}",
        (
            f"  warning  covariate {two}: 2 series now; 0 of 2 {have}, 2 have several: aggregate it"
            " by the labels that both have"
        ),
    ]
    assert not run(prometheus.url, watch("shop_visitors", covariates=("no_such_function(x)",)))[0]


def sharded(query: str, **selectors: str) -> tuple[Watch, ...]:
    whole = watch(query, shards=selectors)
    settings = PrometheusSettings(url="http://localhost:9090")
    return with_shards(Config(prometheus=settings, watches=(whole,))).watches


def test_shards_that_overlap_are_told_with_an_example(prometheus: PrometheusServer) -> None:
    shards = sharded("shop_visitors{$shard}", first='{route="/0"}', rest='{route!=""}')
    works, text = run(prometheus.url, *shards)
    assert works and text.count("warning") == 1
    assert (
        '  warning  OVERLAP: 1 series is of shop-first, too, for example shop_visitors{route="/0"}:'
        " only shop-first scores that: let the matchers exclude each other\n"
    ) in text


def test_shards_whose_labels_the_query_takes_off_are_told(prometheus: PrometheusServer) -> None:
    shards = sharded("sum(shop_visitors{$shard})", first='{route="/0"}', rest='{route!="/0"}')
    _, text = run(prometheus.url, *shards)
    assert "OVERLAP: 1 series is of shop-first, too, for example {}: both score and alert" in text


def test_a_series_of_no_shard_is_told_with_an_example(prometheus: PrometheusServer) -> None:
    query = '{__name__=~"shop_visitors|shop_ratio",$shard}'
    shards = sharded(query, first='{route="/0"}', ratio='{__name__="shop_ratio"}')
    works, text = run(prometheus.url, *shards)
    assert (
        works
        and (
            '  warning  1 series is OF NO SHARD, for example shop_visitors{route="/0.25"}, and so'
            ' not watched: let the last shard take the rest, such as {region!~"eu|us"}\n'
        )
        in text
    )


def test_shards_that_divide_are_not_warned_of(prometheus: PrometheusServer) -> None:
    shards = sharded("shop_visitors{$shard}", first='{route="/0"}', rest='{route!="/0"}')
    works, text = run(prometheus.url, *shards)
    assert works and "warning" not in text and "2 of 2 watches work" in text
