"""Fit seconds per series: our stack against a plain `nn.LSTM` loop, series by series, at equal held-out loss.

Both see the same inputs, windows, targets and training loss, and are judged by the same held-out pinball loss. The
plain loop stops as soon as it is as good as ours, which no one could know in service, and its search for that moment
costs nothing; ours is charged for its whole fit, trend and calibration included. A second plain loop borrows the
skip connection of ours, to tell apart what the stack gives and what the model gives.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from detectors.api import SeriesBatch
from detectors.bands import pinball
from detectors.fitted import held_out, trend_of
from detectors.lstm import LSTM
from detectors.recurrent import INPUTS, OLDEST_TAUGHT, gated_head, inputs, last_shown
from detectors.trend import Course, follow
from detectors.windows import Material, material, spans, take

SERIES, PLAIN = 64, 12  # in our stack; in the plain loop, which is slow
STEPS = 14 * 1_440
BUDGET = 1 / (7 * 86_400)
LIMIT = 400  # steps of the plain loop
NEAR = 1.005  # times our loss counts as equal


@dataclass(frozen=True)
class Measured:
    cold: float  # seconds per series
    warm: float
    plain: float
    skipping: float  # the plain loop with our skip connection
    loss: float  # mean held-out pinball loss of the compared series
    warm_loss: float
    plain_loss: float
    skipping_loss: float
    reached: int  # series of the plain loop that became as good as ours


def series(rows: int, steps: int = STEPS) -> SeriesBatch:
    """Daily shapes, a slow and a fast part of the noise, louder by day, and a job every quarter of an hour or so."""
    rng = np.random.default_rng(0)
    times = 60 * np.arange(steps)
    memory, noise = rng.uniform(0.7, 0.98, rows), rng.standard_t(5, (steps, rows))
    state, walk = np.zeros(rows), np.empty((steps, rows))
    for t in range(steps):
        state = memory * state + np.sqrt(1 - memory**2) * noise[t]
        walk[t] = state
    day = np.sin(2 * np.pi * times / 86_400 + rng.uniform(0, 6, (rows, 1)))
    every = rng.integers(10, 25, (rows, 1))
    job = (times // 60 % every < 2) * rng.uniform(0, 12, (rows, 1))
    fast = rng.normal(size=(rows, steps)) * rng.uniform(0.5, 3, (rows, 1))
    values = 100 + 20 * day + (1.2 + 0.5 * day) * (3 * walk.T + fast) + job
    return SeriesBatch(values, rng.random((rows, steps)) > 0.002, 0, 60)


def measure() -> Measured:
    torch.set_num_threads(1)
    batch, detector = series(SERIES), LSTM()
    detector.fit(batch.rows(np.arange(2)), alert_budget=BUDGET)  # the first call pays for loading
    began = time.perf_counter()
    cold = detector.fit(batch, alert_budget=BUDGET)
    middle = time.perf_counter()
    warm = detector.fit(batch, cold.state, alert_budget=BUDGET)
    ended = time.perf_counter()
    few, goals = batch.rows(np.arange(PLAIN)), cold.loss[:PLAIN]
    plain, skipping = (_plain_loop(few, goals, detector, skip) for skip in (0.0, 1.0))
    return Measured((middle - began) / SERIES, (ended - middle) / SERIES, plain[0] / PLAIN, skipping[0] / PLAIN,
                    float(goals.mean()), float(warm.loss[:PLAIN].mean()), float(plain[1].mean()),
                    float(skipping[1].mean()), int((plain[1] <= NEAR * goals).sum()))


def _plain_loop(batch: SeriesBatch, goals: np.ndarray, detector: LSTM, skip: float) -> tuple[float, np.ndarray]:
    """Seconds of training for all rows, and their held-out losses."""
    seconds, losses = 0.0, []
    for row, goal in enumerate(goals):
        one = batch.rows(np.array([row]))
        course = follow(trend_of(one), one, None)
        spent, loss = _plain_fit(material(course, one, "cpu"), course, held_out(one), goal, detector, skip)
        seconds += spent
        losses.append(loss)
    return seconds, np.array(losses)


def _plain_fit(data: Material, course: Course, late: np.ndarray, goal: float, detector: LSTM,
               skip: float) -> tuple[float, float]:
    torch.manual_seed(detector.seed)
    lstm, head = nn.LSTM(INPUTS, detector.hidden), nn.Linear(detector.hidden, 3)
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=detector.rate)
    rng, seconds, best = np.random.default_rng(detector.seed), 0.0, np.inf
    for step in range(1, LIMIT + 1):
        began = time.perf_counter()
        optimizer.zero_grad()
        _loss(lstm, head, data, spans(data, "train", detector.window, detector.batch, rng), skip).backward()
        optimizer.step()
        seconds += time.perf_counter() - began
        if step % 10 == 0:
            best = min(best, _held_out_loss(lstm, head, data, course, late, skip))
            if best <= NEAR * goal:
                break
    return seconds, best


def _loss(lstm: nn.LSTM, head: nn.Linear, data: Material, at: Tensor, skip: float) -> Tensor:
    """The training loss of ours on the windows `at` [1, L, B]."""
    target, seen = take(data.deviation, at), take(data.seen, at)
    last, there, age = last_shown(target, seen)
    x = inputs(last, there, age, take(data.profile, at), data.calendar[at] * data.known[:, None, None, :])
    mean, width = gated_head(head(lstm(x[0])[0]), skip * last[0])
    run_up, counts = at.shape[1] // 5, take(data.taught, at)[0]
    error = ((target[0] - mean).abs() / width + width.log()) * counts
    return error[run_up:].sum() / counts[run_up:].sum().clamp(min=1)


@torch.no_grad()
def _held_out_loss(lstm: nn.LSTM, head: nn.Linear, data: Material, course: Course, late: np.ndarray,
                   skip: float) -> float:
    """Pinball loss of one series as the service would score it: one run through the whole history."""
    whole = data.deviation.unsqueeze(-1)
    last, there, age = last_shown(whole, data.seen.unsqueeze(-1))
    calendar = (data.calendar * data.known).unsqueeze(0).unsqueeze(2)
    x = inputs(last, there, age.clamp(max=OLDEST_TAUGHT), data.profile.unsqueeze(-1), calendar)
    mean = gated_head(head(lstm(x[0])[0]), skip * last[0])[0][:, 0].numpy()
    return float(pinball((course.deviation - mean) * course.spread, late)[0])


def main() -> None:
    found = measure()
    print(f"fit window {STEPS} samples, one thread, held-out pinball loss in units of the robust scale")
    print(f"{'':28}{'s per series':>14}{'loss':>10}{'ratio':>8}")
    rows = ((f"plain nn.LSTM, {PLAIN} in turn", found.plain, found.plain_loss),
            ("the same with our skip", found.skipping, found.skipping_loss),
            (f"ours, stack of {SERIES}, cold", found.cold, found.loss),
            (f"ours, stack of {SERIES}, warm", found.warm, found.warm_loss))
    for name, seconds, loss in rows:
        print(f"{name:28}{seconds:14.3f}{loss:10.5f}{seconds / found.plain:8.2f}")
    print(f"{found.reached} of {PLAIN} plain fits became as good as ours; the others ended after {LIMIT} steps")


if __name__ == "__main__":
    main()
