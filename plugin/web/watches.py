"""How each watch is doing, as rows: for people, and for the alert rules about Bandwatch itself.

Pure.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from plugin.board import Snapshot, WatchHealth, late_after
from plugin.config import Watch
from plugin.domain.budget import Spending
from plugin.series import SeriesState, renamed
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.row_types import WatchRow
from plugin.web.rows import RESERVED_COLUMNS, Row

DAYS = 7  # over which alarms are held against the budget
NO_SPENDING = Spending()
# `severity` is a label of the watch.
COLUMNS = frozenset(WatchRow.__struct_encode_fields__) - {"severity"}
UNHEALTHY = frozenset({"failing", "late"})


def watch_rows(
    moment: PinnedSnapshot, spent: Mapping[str, Spending], known_since: float
) -> Iterator[Row]:
    """A row for each watch of the configuration, by name.

    spent: in the last 7 days, by watch. known_since: unix seconds; one that was never scored is
    late from then.
    """
    for name, watch in sorted(moment.watches.items()):
        snapshot = moment.board.get(name)
        scored = snapshot.time if snapshot is not None else 0
        lag = max(0.0, moment.now - (scored + watch.offset if scored else known_since))
        state, reason = _state(watch, snapshot, lag)
        labels = {
            renamed(label, RESERVED_COLUMNS | COLUMNS, "watch_"): value
            for label, value in watch.own_labels.items()
        }
        yield {
            "time": scored * 1000 or None,
            "watch": name,
            **labels,
            "state": state,
            "reason": reason,
            **_counts(snapshot),
            "lag_seconds": round(lag, 3),
            **_models(snapshot, moment.now),
            **_budget(spent.get(name, NO_SPENDING)),
            "step": watch.step,
            "fit_window": watch.fit_seconds,
            "unit": watch.unit,
        }


def _state(watch: Watch, snapshot: Snapshot | None, lag: float) -> tuple[str, str]:
    if watch.paused:
        return "paused", "paused in the configuration"
    if snapshot is not None and snapshot.outlook is WatchHealth.FAILING:
        return "failing", snapshot.reason
    if lag > late_after(watch):
        return "late", f"not scored for {lag:.0f} s; due every {watch.score_interval} s"
    if snapshot is None or snapshot.outlook is WatchHealth.STARTING:
        return "starting", "not scored since the service started"
    return "ok", snapshot.reason


def _counts(snapshot: Snapshot | None) -> Row:
    """How many series are in which state, and how many of them alert."""
    states = (
        Counter(record.state for record in snapshot.series) if snapshot is not None else Counter()
    )
    scores = (
        snapshot.alert_score[~np.isnan(snapshot.alert_score)]
        if snapshot is not None
        else np.empty(0)
    )
    return {
        "series": states.total(),
        "ok": states[SeriesState.OK],
        "warming_up": states[SeriesState.WARMING_UP],
        "learning": states[SeriesState.LEARNING],
        "missing": int(snapshot.reported_missing.sum()) if snapshot is not None else 0,
        "stale": states[SeriesState.STALE],
        "maintenance": states[SeriesState.MAINTENANCE],
        "anomalous": int((scores > 1).sum()),
        "worst_score": float(scores.max()) if len(scores) else None,
    }


def _models(snapshot: Snapshot | None, now: float) -> Row:
    fitted = (
        snapshot.model_time[snapshot.renewed] if snapshot is not None else np.empty(0, np.int64)
    )
    stale = int(snapshot.stale_models(now).sum()) if snapshot is not None else 0
    return {
        "oldest_model_seconds": round(now - float(fitted.min()), 3) if len(fitted) else None,
        "stale_models": stale,
    }


def _budget(spent: Spending) -> Row:
    """The columns of `/budget` that it shares."""
    return {
        "alarms_7d": spent.totals.alarms,
        "budget_7d": round(spent.promised, 3),
        "budget_spent": round(spent.spent, 4),
    }
