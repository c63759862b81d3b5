"""The costs of one series on this machine, by real fits, ticks and writes; takes some seconds."""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.api import Arrays, Detector, DividedDetector, FittedDetector
from detectors.registry import detector_named, from_spec, to_spec
from plugin.board import Board
from plugin.commands.size.estimate import Load
from plugin.commands.size.unit_costs import UnitCosts
from plugin.config import Watch
from plugin.config.groups import groups
from plugin.grid import Grid, series_batch
from plugin.jobs.covariates import Covariates
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.score_job import ScoreJob
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.watch_publisher import WatchPublisher
from plugin.jobs.weights_file import weights_of
from plugin.metrics import CollectorRegistry, Metrics
from plugin.preview.recorded_samples import ArrayReader
from plugin.prometheus import range_answer
from plugin.prometheus.matrix import Matrix, merge
from plugin.series import FloatArray, IntArray, Labels, Series
from plugin.store import ModelRecord, Store

FITTED_SERIES = 8
SIZES = (250, 1_500)  # of the two ticks that tell what a tick and what a series costs
TICKS = 3
DAY_WAVE = 2 * np.pi / 86_400


@dataclass(frozen=True)
class _FitCosts:
    fitted: FittedDetector
    first: float  # seconds of one series
    refit: float


def measure(load: Load, machine: str) -> UnitCosts:
    """machine: how this one is called. Raises DetectorError for a detector that is not known."""
    watch = load.watch.model_copy(update={"max_series": max(SIZES), "backfill": load.step})
    fits = _fits(watch)
    seconds = {size: _tick_seconds(watch, fits.fitted, size) for size in SIZES}
    small, large = SIZES
    each = max(0.0, seconds[large] - seconds[small]) / (large - small)
    weights = weights_of(fits.fitted)
    return UnitCosts(
        machine=machine,
        tick_seconds=max(0.0, seconds[small] - small * each),
        series_seconds=each,
        fit_seconds=fits.first,
        refit_seconds=fits.refit,
        history_seconds=_history_seconds(watch),
        model_bytes=_bytes(weights) / FITTED_SERIES,
        scoring_bytes=_scoring_bytes(fits.fitted, to_spec(_detector(watch))) / FITTED_SERIES,
    )


def _detector(watch: Watch) -> Detector:
    return detector_named(watch.detector, watch.detector_options)


def _fits(watch: Watch) -> _FitCosts:
    """A first fit of a few series over the whole window, and a refit from its models. The first
    call of all loads what learns: it does not count."""
    detector = _detector(watch)
    window = Grid(0, watch.step, watch.fit_seconds // watch.step)
    batch = series_batch(_values(window.times, FITTED_SERIES), window, watch.timezone)
    few = batch.rows(np.arange(1)).steps(0, min(window.count, 1_000))
    detector.fit(few, alert_budget=watch.alert_budget)
    began = time.thread_time()
    fitted = detector.fit(batch, alert_budget=watch.alert_budget)
    middle = time.thread_time()
    detector.fit(batch, fitted.state, alert_budget=watch.alert_budget)
    end = time.thread_time()
    return _FitCosts(fitted, (middle - began) / FITTED_SERIES, (end - middle) / FITTED_SERIES)


def _tick_seconds(watch: Watch, fitted: FittedDetector, size: int) -> float:
    """Of a tick of so many series: the answer is read, judged, written and published."""
    times = watch.step * np.arange(1, TICKS + 2, dtype=np.int64)
    labels = [_labels(number) for number in range(size)]
    values = _values(times, size)
    series = [Series(one, times, row) for one, row in zip(labels, values, strict=True)]
    body = _answer(labels, times[:1], values[:, :1])
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        clock = [float(times[0])]
        context = WatchContext(
            watch,
            store,
            ArrayReader({watch.query: series}),
            Metrics(CollectorRegistry()),
            ModelRegistry(store, watch.name),
            clock=lambda: clock[0],
        )
        job = _score_job(context, fitted)
        seconds = []
        for now in times.tolist():
            clock[0] = float(now)
            began = time.thread_time()
            job.run()
            merge([Matrix.parse(range_answer.decode(body)["data"], watch.step, watch.step, 1)])
            seconds.append(time.thread_time() - began)
        store.close()
    return float(np.median(seconds[1:]))


def _score_job(context: WatchContext, fitted: FittedDetector) -> ScoreJob:
    """The score job of a new watch whose series have the fitted models, in turn."""
    watch = context.watch
    publisher = WatchPublisher(context, Board(), groups([watch])[watch.name], gone_after=10**9)
    spec = to_spec(_detector(watch))

    def adopt(oldest_time: int, now: int) -> int:
        answer = context.reader.range(watch.query, now, now, watch.step, max_series=max(SIZES))
        ids = context.registry.identify(answer.observed)
        version = context.store.models.new_version(watch.name)
        path = context.store.weights.write(version, weights_of(fitted))
        models = [
            ModelRecord(
                one, version, row % FITTED_SERIES, watch.detector, spec, path, 0.0, now, 0, now
            )
            for row, one in enumerate(ids.tolist())
        ]
        context.store.save_models(watch.name, models)
        context.registry.promote(models)
        return now - watch.step

    return ScoreJob(context, Covariates(context), publisher, adopt)


def _history_seconds(watch: Watch) -> float:
    """Of one sample of the past that is read and stored."""
    count = watch.fit_seconds // watch.step
    times = watch.step * np.arange(1, count + 1, dtype=np.int64)
    labels = [_labels(number) for number in range(FITTED_SERIES)]
    values = _values(times, FITTED_SERIES)
    body = _answer(labels, times, values)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        records = store.series.register(watch.name, labels, int(times[0]))
        ids = np.array([record.id for record in records], np.int64)
        began = time.thread_time()
        data = range_answer.decode(body)["data"]
        merge([Matrix.parse(data, int(times[0]), int(times[-1]), watch.step)])
        store.record_history(watch.name, "", ids, times, values, None)
        seconds = time.thread_time() - began
        store.close()
    return seconds / values.size


def _scoring_bytes(fitted: FittedDetector, spec: str) -> float:
    detector = from_spec(spec)
    if not isinstance(detector, DividedDetector):
        return _bytes(fitted.state)
    return sum(_bytes(state) for _, state in detector.divide(fitted.state))


def _bytes(arrays: Arrays) -> float:
    return float(sum(array.nbytes for array in arrays.values()))


def _labels(number: int) -> Labels:
    return Labels.of({"__name__": "measured", "instance": f"host-{number}", "job": "size"})


def _values(times: IntArray, series: int) -> FloatArray:
    """[S, T] a daily wave with noise; every second series remembers its last sample."""
    noise = np.random.default_rng(0).normal(size=(series, len(times)))
    for column in range(1, len(times)):
        noise[::2, column] += 0.9 * noise[::2, column - 1]
    values: FloatArray = np.round(100 + 30 * np.sin(DAY_WAVE * times) + noise, 2)
    return values


def _answer(labels: list[Labels], times: IntArray, values: FloatArray) -> bytes:
    """As Prometheus writes it."""
    result = [
        {
            "metric": dict(one),
            "values": [[at, str(value)] for at, value in zip(times.tolist(), row, strict=True)],
        }
        for one, row in zip(labels, values.tolist(), strict=True)
    ]
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data}).encode()
