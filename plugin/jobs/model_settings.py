"""What a change of the configuration means for the models of a watch: logged once, at the next
start or reload."""

import json
import logging
from collections.abc import Mapping

from plugin.config import Watch
from plugin.store import Store

log = logging.getLogger(__name__)

MEANINGS: Mapping[str, str] = {
    "query": (
        "kept, with the samples, where the labels of a series are the same; if the numbers mean"
        " something else now, give the watch another name"
    ),
    "step": (
        "fitted anew at once; those of the old step serve until then, and a rollback to them is not"
        " possible"
    ),
    "offset": "kept",
    "detector": "fitted anew at once; the old ones serve until then, and pinned ones stay",
    "alert_budget": "kept; the new budget counts from the next fit of each series on",
    "timezone": "kept; they follow the new days from the next fit on: ask for a refit",
    "calendar": "kept; they follow the new holidays from the next fit on: ask for a refit",
    "fit_window": "kept; the next fit of each series sees the new window",
    "labels": "kept; alerts with the old labels end",
    "policies": "kept; bands and alarms follow from the next tick on",
}
POLICIES = (
    "direction",
    "min_deviation",
    "min_relative_deviation",
    "valid_range",
    "missing_data",
    "persistence",
)


def model_settings(watch: Watch, spec: str) -> dict[str, object]:
    """The settings that models depend on, or seem to depend on, by the keys of MEANINGS.

    spec: of the detector, with its options and covariates.
    """
    policies = {name: getattr(watch, name) for name in POLICIES}
    text = json.dumps(
        {
            "query": watch.query,
            "step": watch.step,
            "offset": watch.offset,
            "detector": spec,
            "alert_budget": watch.alert_budget,
            "timezone": watch.timezone,
            "calendar": watch.calendar and watch.calendar.model_dump(),
            "fit_window": watch.fit_window,
            "labels": watch.labels,
            "policies": policies,
        }
    )
    return dict(json.loads(text))


def step_since(watch: Watch, store: Store, now: int) -> int:
    """Unix seconds; models that were fitted before are of another step. 0 = none is."""
    recorded = store.model_settings.of(watch.name)
    if recorded is None:
        return 0
    settings, start = recorded
    return start if json.loads(settings).get("step") == watch.step else now


def record_settings(watch: Watch, spec: str, store: Store, step_start: int) -> list[str]:
    """Keeps the settings, and logs what their changes do to the models. step_start: of
    `step_since`.

    Returns the names of the settings that have changed.
    """
    recorded = store.model_settings.of(watch.name)
    settings = model_settings(watch, spec)
    old_settings = {} if recorded is None else json.loads(recorded[0])
    changed = [
        name for name in MEANINGS if name in old_settings and old_settings[name] != settings[name]
    ]
    for name in changed:
        log.warning(
            "setting changed",
            extra={
                "watch": watch.name,
                "setting": name,
                "was": json.dumps(old_settings[name]),
                "is": json.dumps(settings[name]),
                "models": MEANINGS[name],
            },
        )
    if recorded is None or changed:
        store.model_settings.record(watch.name, json.dumps(settings), step_start)
    return changed
