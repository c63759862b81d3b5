"""The rules between the settings of a watch, and between watches that share incidents."""

from collections.abc import Iterator, Sequence

from plugin.config.conflicts import Conflict, conflict, quoted_duration, repeated_names
from plugin.config.durations import format_budget
from plugin.config.fit_window import MAX_FIT_STEPS, MIN_FIT_STEPS
from plugin.config.model import Calendar, StoreSettings, Watch
from plugin.config.problems import Path, display_text, listed, nearest_name, one_of, quote
from plugin.domain.public_holidays import subdivision_meant, subdivisions_by_country

MIN_SAMPLES_PER_ALARM = 20
MAX_COVARIATES = 8
MAX_STEPS_AHEAD = 480  # a forecast is held in memory: 12 bytes for each series and step
# Of our own detectors; another one is asked when it is loaded.
DETECTORS_WITHOUT_COVARIATES = ("auto", "autoencoder", "baseline", "seq2seq", "vae")


def check_watch(section: Path, watch: Watch, store: StoreSettings) -> Iterator[Conflict]:
    """The conflicts between the settings of one watch. section: its path."""
    yield from _fit_window(section, watch)
    yield from _intervals(section, watch)
    yield from _learning(section, watch)
    yield from _alert_budget(section, watch)
    yield from _retention(section, watch, store)
    yield from _covariates(section, watch)


def _fit_window(section: Path, watch: Watch) -> Iterator[Conflict]:
    seconds = watch.fit_seconds
    steps = seconds // watch.step
    if not MIN_FIT_STEPS <= steps <= MAX_FIT_STEPS:
        low = quoted_duration(MIN_FIT_STEPS * watch.step)
        high = quoted_duration(MAX_FIT_STEPS * watch.step)
        yield conflict(
            (*section, "fit_window"),
            f"{quoted_duration(seconds)} = {steps} steps of {quoted_duration(watch.step)}",
            f"{MIN_FIT_STEPS} to {MAX_FIT_STEPS} steps, {low} to {high}",
            also=((*section, "step"),),
        )


def _intervals(section: Path, watch: Watch) -> Iterator[Conflict]:
    step = (*section, "step")
    for name, seconds in (("fit_every", watch.fit_every), ("score_every", watch.score_interval)):
        if seconds < watch.step:
            yield conflict(
                (*section, name),
                quoted_duration(seconds),
                f"at least the step {quoted_duration(watch.step)}",
                also=(step,),
            )
    if watch.steps_ahead > MAX_STEPS_AHEAD:
        yield conflict(
            (*section, "forecast"),
            f"{quoted_duration(watch.forecast)} = {watch.steps_ahead} steps of "
            f"{quoted_duration(watch.step)}",
            f"at most {MAX_STEPS_AHEAD} steps, {quoted_duration(MAX_STEPS_AHEAD * watch.step)}",
            also=(step,),
        )


def _learning(section: Path, watch: Watch) -> Iterator[Conflict]:
    """A series can show no more history than a fit reads."""
    if "learn_for" in watch.model_fields_set and watch.learn_for > watch.fit_seconds:
        yield conflict(
            (*section, "learn_for"),
            quoted_duration(watch.learn_for),
            f"at most fit_window, {quoted_duration(watch.fit_seconds)}",
            also=((*section, "fit_window"),),
        )


def _alert_budget(section: Path, watch: Watch) -> Iterator[Conflict]:
    if watch.alert_budget * watch.step * MIN_SAMPLES_PER_ALARM > 1:
        max_budget = format_budget(1 / (MIN_SAMPLES_PER_ALARM * watch.step))
        yield conflict(
            (*section, "alert_budget"),
            f'"{format_budget(watch.alert_budget)}"',
            f'at most one alarm in {MIN_SAMPLES_PER_ALARM} samples, "{max_budget}" at the step '
            f"{quoted_duration(watch.step)}",
            also=((*section, "step"),),
        )


def _retention(section: Path, watch: Watch, store: StoreSettings) -> Iterator[Conflict]:
    """The store must still hold the samples that a fit reads."""
    if store.retention < watch.fit_seconds:
        yield conflict(
            ("store", "retention"),
            quoted_duration(store.retention),
            f"at least the fit_window of {display_text(watch.name)}, "
            f"{quoted_duration(watch.fit_seconds)}",
            also=((*section, "fit_window"),),
        )


def check_calendar(section: Path, calendar: Calendar) -> Iterator[Conflict]:
    """A part of a country must be one whose holidays are known. section: its path."""
    parts = subdivisions_by_country()[calendar.country]
    if calendar.subdivision in ("", *parts):
        return
    meant = subdivision_meant(calendar.country, calendar.subdivision)
    yield conflict(
        (*section, "subdivision"),
        display_text(calendar.subdivision),
        f"a part of {calendar.country}: {one_of(parts)}"
        if parts
        else f"none: the holidays of {calendar.country} are the same everywhere",
        quote(meant) if meant else nearest_name(calendar.subdivision, parts),
        also=((*section, "country"),),
    )


def _covariates(section: Path, watch: Watch) -> Iterator[Conflict]:
    covariates = (*section, "covariates")
    detector = (*section, "detector")
    if watch.covariates and watch.detector in DETECTORS_WITHOUT_COVARIATES:
        yield conflict(
            covariates,
            f"covariates with the detector {watch.detector}, which takes none",
            "a detector that does, such as lstm, or no covariates",
            also=(detector,),
        )
    if len(watch.covariates) > MAX_COVARIATES:
        yield conflict(
            covariates, f"{len(watch.covariates)} covariates", f"at most {MAX_COVARIATES}"
        )
    queries = [watch.query, *watch.covariates]
    yield from repeated_names(
        [(*section, "query"), *((*covariates, i) for i in range(len(watch.covariates)))],
        queries,
        "an expression that is neither the query of the watch nor another covariate of it",
    )


def check_groups(watches: Sequence[Watch]) -> Iterator[Conflict]:
    """Watches that share incidents must have the same `group_by`."""
    first_of_group: dict[str, int] = {}
    for i, watch in enumerate(watches):
        group_by = ("watches", i, "group_by")
        yield from repeated_names(
            [(*group_by, k) for k in range(len(watch.group_by))],
            list(watch.group_by),
            "a label that is not in the list before",
        )
        other = watches[first_of_group.setdefault(watch.group, i)]
        if {*other.group_by} != {*watch.group_by}:
            yield conflict(
                group_by,
                _as_list(watch.group_by),
                f"the group_by of {display_text(other.name)}, with which it "
                f"shares incidents: {_as_list(other.group_by)}",
                also=(
                    ("watches", i, "incident_group"),
                    ("watches", first_of_group[watch.group], "group_by"),
                    ("watches", first_of_group[watch.group], "incident_group"),
                ),
            )


def _as_list(names: Sequence[str]) -> str:
    return f"[{listed(names)}]"
