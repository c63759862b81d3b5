"""The alert rules for several processes, run by the real promtool: what fires when."""

from pathlib import Path

import pytest

from tests.grafana.test_prometheus_rules import ONE, OURS, firing, summary

WORKER = 'job="bandwatch",instance="w1:8642"'
SHARED = {f"bandwatch_leases_held{{{WORKER}}}": "6x60"}
TARGET = f'severity="ticket",{OURS}'


def test_leases_that_are_not_kept_fire_and_one_failed_look_does_not(tmp_path: Path) -> None:
    name = f"bandwatch_lease_failures_total{{{OURS}}}"
    firing(tmp_path, "BandwatchLeasesNotKept", {name: "0x4 1x30"}, {7: 0, 12: 0, 20: 0})
    series = {name: "0x4 1+18x10 200x30"}
    firing(tmp_path, "BandwatchLeasesNotKept", series, {8: 0, 11: 1, 15: 1, 20: 0})
    text = "A worker of Bandwatch cannot keep its leases, because the database does not answer it"
    summary(tmp_path, "BandwatchLeasesNotKept", series, 12, TARGET, text)


def test_watches_without_a_worker_fire_once_whoever_sees_them(tmp_path: Path) -> None:
    series = {
        f"bandwatch_leases_unheld{{{OURS}}}": "0x4 3x20 0x20",
        f"bandwatch_leases_unheld{{{WORKER}}}": "0x4 2x20 0x20",
    }
    firing(tmp_path, "BandwatchLeasesUnheld", series, {5: 0, 9: 0, 10: 1, 20: 1, 26: 0})
    text = "Watches that no worker of Bandwatch holds: 3"
    labels = 'severity="ticket",job="bandwatch"'
    summary(tmp_path, "BandwatchLeasesUnheld", series, 12, labels, text)


def test_a_takeover_is_over_before_unheld_watches_fire(tmp_path: Path) -> None:
    series = {f"bandwatch_leases_unheld{{{OURS}}}": "0x4 3 3 0x20"}
    firing(tmp_path, "BandwatchLeasesUnheld", series, {5: 0, 6: 0, 11: 0})


def test_a_replica_that_reads_nothing_new_fires_and_a_process_alone_does_not(
    tmp_path: Path,
) -> None:
    series = {
        f"bandwatch_board_followed_timestamp_seconds{{{OURS}}}": "0+60x4 240x10 900+60x20",
        f"bandwatch_board_followed_timestamp_seconds{{{WORKER}}}": "0x60",
    }
    firing(tmp_path, "BandwatchBoardStale", series, {5: 0, 7: 0, 8: 1, 14: 1, 16: 0, 30: 0})
    text = "A web replica of Bandwatch has read nothing new for 6m 0s"
    summary(tmp_path, "BandwatchBoardStale", series, 10, TARGET, text)


def test_connections_fire_while_requests_wait_and_not_for_a_single_one(tmp_path: Path) -> None:
    waiting = f"bandwatch_database_connections_waiting{{{OURS}}}"
    timeouts = f"bandwatch_database_connection_timeouts_total{{{OURS}}}"
    alert = "BandwatchConnectionsExhausted"
    one_moment = {waiting: "0x4 3 0 2 0x30", timeouts: "0x4 1x30"}
    firing(tmp_path, alert, one_moment, {5: 0, 7: 0, 12: 0, 20: 0})
    busy = {waiting: "0x4 3x10 0x20", timeouts: "0x40"}
    firing(tmp_path, alert, busy, {8: 0, 10: 1, 15: 1, 17: 0})
    gave_up = {waiting: "0x40", timeouts: "0x4 1+1x10 11x20"}
    firing(tmp_path, alert, gave_up, {8: 0, 11: 1, 16: 1, 25: 0})
    text = (
        "A process of Bandwatch has all its connections to the database in use, and requests wait"
    )
    summary(tmp_path, alert, busy, 12, TARGET, text)


def test_an_executor_that_is_away_fires_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    labels = f'executor="ray",{OURS}'
    series = {f"bandwatch_executor_reachable{{{labels}}}": "1x4 0x30 1x10"}
    firing(tmp_path, "BandwatchExecutorUnreachable", series, {5: 0, 19: 0, 20: 1, 34: 1, 36: 0})
    text = "Bandwatch does not reach the cluster that runs its fits"
    labels = f'severity="ticket",{labels}'
    summary(tmp_path, "BandwatchExecutorUnreachable", series, 25, labels, text)


@pytest.mark.parametrize(
    ("alert", "metric"),
    [
        ("BandwatchAnomaly", "bandwatch_alert_score"),
        ("BandwatchMissing", "bandwatch_missing"),
        ("BandwatchIncident", "bandwatch_incident_score"),
    ],
)
def test_an_alert_goes_on_while_another_worker_takes_its_watch(
    tmp_path: Path, alert: str, metric: str
) -> None:
    """The target is gone, its series with it; the next worker has them within three minutes."""
    name = f"{metric}{{{ONE}}}"
    moved = {name: "1.2x3 stale _ 1.2x3 0x20", **SHARED}
    firing(tmp_path, alert, moved, {3: 1, 4: 1, 5: 1, 6: 1, 9: 1, 10: 0})
    firing(tmp_path, alert, {name: "1.2x3 stale _x20", **SHARED}, {4: 1, 5: 1, 7: 0})
    firing(tmp_path, alert, {name: "1.2x3 stale _x20"}, {3: 1, 4: 0})
    back_inside = {name: "1.2x3 0x20", **SHARED}
    firing(tmp_path, alert, back_inside, {3: 1, 4: 0})
