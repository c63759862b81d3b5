"""Fit seconds per series: our stacks against a plain `nn.LSTM` loop, series by series, at equal
held-out loss.

Both see the same inputs, windows, targets and training loss, and are judged by the same held-out
pinball loss. The plain loop stops as soon as it is as good as our default detector, which no one
could know in service, and its search for that moment costs nothing; ours are charged for their
whole fit, trend and limits included. A second plain loop borrows the skip connection of ours, to
tell apart what the stack gives and what the model gives.

Cold: from nothing. Fleet: from the mean of as many fitted peers, as a new series of a watch that is
running. Warm: from its own previous model, as a daily refit.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from detectors.api import Detector, FittedDetector, FloatArray, SeriesBatch
from detectors.bands import pinball
from detectors.fleet_prior import fleet_prior
from detectors.history import History, prepare_history
from detectors.lstm import LSTM
from detectors.recurrent import INPUTS
from detectors.recurrent_training import gated_head, inputs, last_samples
from detectors.registry import detector_named
from detectors.training_windows import TrainingData, gather_columns, spans, training_data
from detectors.trend_view import TrendView

SERIES = 64  # in our stack
PLAIN = 12  # in the plain loop, which is slow
STEPS = 14 * 1_440
DAY = 1_440
BUDGET = 1 / (7 * 86_400)
LIMIT = 400  # steps of the plain loop
NEAR = 1.005  # times our loss counts as equal
OURS = ("auto", "autoencoder", "lstm")  # the default first


@dataclass(frozen=True)
class Measured:
    """Seconds per series of one detector, and the pinball loss of the last day, which none has
    learnt from."""

    seconds: dict[str, float]  # cold, fleet, warm
    loss: dict[str, float]
    size: int  # bytes of a model
    goals: FloatArray  # [PLAIN] held-out losses of the cold fit


def series(rows: int, steps: int = STEPS, seed: int = 0) -> SeriesBatch:
    """Daily shapes, a slow and a fast part of the noise, louder by day, and a job every quarter of
    an hour or so."""
    rng = np.random.default_rng(seed)
    times = 60 * np.arange(steps)
    memory = rng.uniform(0.7, 0.98, rows)
    noise = rng.standard_t(5, (steps, rows))
    state = np.zeros(rows)
    walk = np.empty((steps, rows))
    for t in range(steps):
        state = memory * state + np.sqrt(1 - memory**2) * noise[t]
        walk[t] = state
    day = np.sin(2 * np.pi * times / 86_400 + rng.uniform(0, 6, (rows, 1)))
    every = rng.integers(10, 25, (rows, 1))
    job = (times // 60 % every < 2) * rng.uniform(0, 12, (rows, 1))
    fast = rng.normal(size=(rows, steps)) * rng.uniform(0.5, 3, (rows, 1))
    values = 100 + 20 * day + (1.2 + 0.5 * day) * (3 * walk.T + fast) + job
    return SeriesBatch(values, rng.random((rows, steps)) > 0.002, 0, 60)


def measure(detector: Detector, batch: SeriesBatch, peers: SeriesBatch) -> Measured:
    detector.fit(batch.rows(np.arange(2)), alert_budget=BUDGET)  # the first call pays for loading
    fleet = fleet_prior(detector.fit(peers, alert_budget=BUDGET).state, len(batch.values))
    seconds = dict[str, float]()
    loss = dict[str, float]()
    began = time.perf_counter()
    cold = fitted = detector.fit(batch, alert_budget=BUDGET)
    for start in ("cold", "fleet", "warm"):
        if start != "cold":
            began = time.perf_counter()
            fitted = detector.fit(
                batch, fleet if start == "fleet" else cold.state, alert_budget=BUDGET
            )
        seconds[start] = (time.perf_counter() - began) / len(batch.values)
        loss[start] = _last_day(fitted, batch)
    size = sum(array.nbytes for array in cold.state.values()) // len(batch.values)
    return Measured(seconds, loss, size, cold.loss[:PLAIN])


def _last_day(fitted: FittedDetector, batch: SeriesBatch) -> float:
    """Mean pinball loss of what is expected on the last day, in units of the robust scale."""
    late = batch.observed.copy()
    late[:, :-DAY] = False
    residual = (np.nan_to_num(batch.values) - fitted.score(batch).band.expected) / fitted.state[
        "scale"
    ][:, None]
    return float(pinball(residual, late).mean())


def _plain_loop(
    batch: SeriesBatch, goals: np.ndarray, detector: LSTM, skip: float
) -> tuple[float, np.ndarray]:
    """Seconds of training for all rows, and their held-out losses."""
    seconds = 0.0
    losses = []
    for row, goal in enumerate(goals):
        one = batch.rows(np.array([row]))
        history = prepare_history(one, detector.least)
        spent, loss = _plain_fit(
            training_data(history.view, one, "cpu"), history, goal, detector, skip
        )
        seconds += spent
        losses.append(loss)
    return seconds, np.array(losses)


def _plain_fit(
    data: TrainingData, history: History, goal: float, detector: LSTM, skip: float
) -> tuple[float, float]:
    torch.manual_seed(detector.seed)
    lstm = nn.LSTM(INPUTS, detector.hidden)
    head = nn.Linear(detector.hidden, 3)
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=detector.rate)
    rng = np.random.default_rng(detector.seed)
    seconds = 0.0
    best = np.inf
    for step in range(1, LIMIT + 1):
        began = time.perf_counter()
        optimizer.zero_grad()
        _loss(
            lstm, head, data, spans(data, "train", detector.window, detector.batch, rng), skip
        ).backward()
        optimizer.step()
        seconds += time.perf_counter() - began
        if step % 10 == 0:
            best = min(
                best, _held_out_loss(lstm, head, data, history.view, history.holdout_mask, skip)
            )
            if best <= NEAR * goal:
                break
    return seconds, best


def _loss(lstm: nn.LSTM, head: nn.Linear, data: TrainingData, at: Tensor, skip: float) -> Tensor:
    """The training loss of ours on the windows `at` [1, L, B]."""
    target = gather_columns(data.deviation, at)
    seen = gather_columns(data.seen, at)
    last = last_samples(target, seen)
    x = inputs(
        last, gather_columns(data.profile, at), data.calendar[at] * data.known[:, None, None, :]
    )
    mean, width = gated_head(head(lstm(x[0])[0]), skip * last.deviation[0])
    run_up = at.shape[1] // 5
    counts = gather_columns(data.train_mask, at)[0]
    error = ((target[0] - mean).abs() / width + width.log()) * counts
    return error[run_up:].sum() / counts[run_up:].sum().clamp(min=1)


@torch.no_grad()
def _held_out_loss(
    lstm: nn.LSTM,
    head: nn.Linear,
    data: TrainingData,
    course: TrendView,
    late: np.ndarray,
    skip: float,
) -> float:
    """Pinball loss of one series as the service would score it: one run through the whole
    history."""
    whole = data.deviation.unsqueeze(-1)
    last = last_samples(whole, data.seen.unsqueeze(-1))
    calendar = (data.calendar * data.known).unsqueeze(0).unsqueeze(2)
    x = inputs(last, data.profile.unsqueeze(-1), calendar)
    mean = gated_head(head(lstm(x[0])[0]), skip * last.deviation[0])[0][:, 0].numpy()
    return float(pinball((course.deviation - mean) * course.spread, late)[0])


def main() -> None:
    torch.set_num_threads(1)
    batch = series(SERIES)
    peers = series(SERIES, seed=1)
    found = {name: measure(detector_named(name, {}), batch, peers) for name in OURS}
    goals = found[OURS[0]].goals
    few = batch.rows(np.arange(PLAIN))
    print(
        f"fit window {STEPS} samples, one thread, stack of {SERIES}; loss: held-out pinball, in"
        " robust scales"
    )
    print(
        f"{'':30}{'s per series':>14}{'to the plain loop':>20}"
        f"{'to cold':>10}{'loss':>10}{'bytes':>8}"
    )
    plain, losses = _plain_loop(few, goals, LSTM(), 0.0)
    skipping, skipping_losses = _plain_loop(few, goals, LSTM(), 1.0)
    for name, seconds, loss in (
        (f"plain nn.LSTM, {PLAIN} in turn", plain, losses),
        ("the same with our skip", skipping, skipping_losses),
    ):
        print(f"{name:30}{seconds / PLAIN:14.3f}{seconds / plain:20.2f}{'':10}{loss.mean():10.5f}")
    print(f"{f'the same {PLAIN} series, {OURS[0]}':30}{'':44}{goals.mean():10.5f}")
    for name, one in found.items():
        for start, took in one.seconds.items():
            print(
                f"{f'{name}, {start}':30}{took:14.3f}{took * PLAIN / plain:20.2f}"
                f"{took / one.seconds['cold']:10.2f}"
                f"{one.loss[start]:10.5f}{one.size:8}"
            )
    print(
        f"loss of ours: on the last day. {(losses <= NEAR * goals).sum()} of {PLAIN} plain fits"
        f" became as good as ours (on the last quarter); the others ended after {LIMIT} steps"
    )


if __name__ == "__main__":
    main()
