"""One bad moment costs the instants at fault: refusals of a real Prometheus that depend on the
range."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.config.model import PrometheusSettings
from plugin.errors import PrometheusUnavailable, QueryRejected, TooManySeries
from plugin.prometheus import PrometheusReader, range_walk
from tests import faults as fault
from tests.faults import FaultProxy
from tests.history import END, START, STEP, TIMES, history
from tests.servers import PrometheusServer

DUPLICATE = "found duplicate series for the match group"
BAD = slice(700, 705)  # positions at which `colliding` cannot be evaluated


def between(first: int, last: int) -> str:
    """A vector at the grid positions first..last, nothing elsewhere."""
    return f"(vector(time()) >= {TIMES[first]} <= {TIMES[last]})"


def colliding(*stretches: slice) -> str:
    """shop_flat, joined to one series, and to two of them at some positions."""
    others = " or ".join(
        f'(label_replace(shop_flat, "n", "{number}", "", "") and on()'
        f" {between(bad.start, bad.stop - 1)})"
        for number, bad in enumerate(stretches)
    )
    one = 'label_replace(shop_flat, "n", "one", "", "")'
    return f"shop_flat * on() group_left(n) ({one} or {others})"


def burst(count: int, first: int, last: int) -> str:
    """shop_visitors, and `count` series more at some positions."""
    more = " or ".join(
        f'(label_replace(shop_flat, "n", "{number}", "", "") and on() {between(first, last)})'
        for number in range(count)
    )
    return f"shop_visitors or {more}"


class Counted:
    """A reader and the number of its requests."""

    def __init__(self, url: str) -> None:
        self.count = 0
        settings = PrometheusSettings(url=url, read_timeout=20, retries=0)
        self.reader = PrometheusReader(settings, on_request=self._add)

    def _add(self, outcome: str, seconds: float) -> None:
        self.count += 1


@pytest.fixture
def read(prometheus: PrometheusServer) -> PrometheusReader:
    return PrometheusReader(PrometheusSettings(url=prometheus.url))


def test_a_join_that_collides_for_minutes_costs_these_minutes(read: PrometheusReader) -> None:
    answer = read.range(colliding(BAD), START, END, STEP, max_series=10)
    (gap,) = answer.gaps
    assert (gap.start, gap.end) == (TIMES[BAD.start], TIMES[BAD.stop - 1])
    assert gap.error.reason == "rejected" and DUPLICATE in str(gap.error)
    times = np.unique(np.concatenate([series.times for series in answer.series]))
    np.testing.assert_array_equal(times, np.delete(TIMES, BAD))
    assert answer.requests < 60


def test_moments_apart_are_gaps_apart(read: PrometheusReader) -> None:
    stretches = slice(0, 1), slice(1000, 1001), slice(2000, 2003)
    answer = read.range(colliding(*stretches), START, END, STEP, max_series=10)
    assert [(gap.start, gap.end) for gap in answer.gaps] == [
        (TIMES[bad.start], TIMES[bad.stop - 1]) for bad in stretches
    ]


def test_too_many_series_for_minutes_cost_these_minutes(read: PrometheusReader) -> None:
    answer = read.range(burst(20, 100, 103), START, END, STEP, max_series=10)
    (gap,) = answer.gaps
    assert (gap.start, gap.end, gap.error.reason) == (TIMES[100], TIMES[103], "too_many_series")
    assert "returns 22 series at one time, and `max_series` is 10" in str(gap.error)
    (one, two) = answer.series
    np.testing.assert_array_equal(one.times, np.delete(TIMES, slice(100, 104)))


def test_series_that_come_and_go_are_no_burst(read: PrometheusReader) -> None:
    pods = " or ".join(
        f'(label_replace(shop_flat, "pod", "{number}", "", "") and on()'
        f" {between(number * 90, number * 90 + 89)})"
        for number in range(30)
    )
    answer = read.range(pods, START, END, STEP, max_series=1)
    assert (len(answer.series), answer.gaps) == (30, ())


def test_a_query_that_fails_now_is_refused_at_once(prometheus: PrometheusServer) -> None:
    counted = Counted(prometheus.url)
    last = slice(len(TIMES) - 2, len(TIMES))
    with pytest.raises(QueryRejected, match=DUPLICATE):
        counted.reader.range(colliding(last), START, END, STEP, max_series=10)
    assert counted.count == 2
    with pytest.raises(QueryRejected, match=DUPLICATE):
        counted.reader.range(colliding(last), END, END, STEP, max_series=10)
    assert counted.count == 3
    with pytest.raises(TooManySeries):
        counted.reader.range(burst(20, last.start, last.stop - 1), START, END, STEP, max_series=10)


def test_a_query_that_works_now_is_halved_up_to_the_end(read: PrometheusReader) -> None:
    """As for history: what matters is whether it works now, not at the end of the window."""
    answer = read.range(
        colliding(BAD), START, int(TIMES[BAD.stop - 1]), STEP, max_series=10, probe_time=END
    )
    assert [(gap.start, gap.end) for gap in answer.gaps] == [
        (TIMES[BAD.start], TIMES[BAD.stop - 1])
    ]


def test_a_syntax_error_is_asked_once(prometheus: PrometheusServer) -> None:
    counted = Counted(prometheus.url)
    with pytest.raises(QueryRejected, match="parse error"):
        counted.reader.range("rate(shop", START, END, STEP, max_series=10)
    assert counted.count == 1


def test_nothing_but_refusals_ends_soon(
    prometheus: PrometheusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_walk, "EXACT_REFUSALS", 20)
    counted = Counted(prometheus.url)
    answer = counted.reader.range(
        colliding(slice(0, 2800)), START, END, STEP, max_series=10, probe_time=END
    )
    (gap,) = answer.gaps
    assert gap.start == TIMES[0] and gap.end >= TIMES[2799] and counted.count < 20 * 14


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_limit_on_the_length_of_a_range_is_found_once(faults: FaultProxy, code: int) -> None:
    faults.fault = fault.limits_range(6 * 3600, code)
    counted = Counted(faults.url)
    for most in (30, 9):
        counted.count = 0
        answer = counted.reader.range("shop_flat", START, END, STEP, max_series=1)
        np.testing.assert_array_equal(answer.series[0].times, TIMES)
        assert answer.gaps == () and counted.count <= most


@pytest.fixture(scope="module")
def small_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    folder: Path = tmp_path_factory.mktemp("small")
    server = PrometheusServer(folder, flags=("--query.max-samples=2000",))
    with server.backfill(history()):
        yield server


def test_a_prometheus_that_allows_few_samples_is_asked_in_pieces(
    small_prometheus: PrometheusServer,
) -> None:
    counted = Counted(small_prometheus.url)
    for most in (12, 6):
        counted.count = 0
        answer = counted.reader.range("shop_visitors", START, END, STEP, max_series=2)
        np.testing.assert_array_equal(answer.series[1].times, TIMES)
        assert answer.gaps == () and counted.count <= most


def test_a_range_that_takes_too_long_is_asked_in_smaller_pieces_the_next_time(
    faults: FaultProxy,
) -> None:
    """Until answers come in time again."""
    counted = Counted(faults.url)
    slow = fault.status(504, b"upstream request timeout")
    faults.fault = fault.then(slow, slow, fault.pass_on)
    for _ in range(2):
        with pytest.raises(PrometheusUnavailable, match="answered 504"):
            counted.reader.range("shop_flat", START, END, STEP, max_series=1)
    for requests in (3, 1):  # of 719, 1438 and 723 points; of all
        answer = counted.reader.range("shop_flat", START, END, STEP, max_series=1)
        np.testing.assert_array_equal(answer.series[0].times, TIMES)
        assert answer.requests == requests
