"""Our detectors as a backtest runs them: fitted on the past, refitted every day, default settings,
one alarm a week."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from detectors.registry import detector_named, detector_names, to_spec
from plugin.commands.backtest.run import LANE_WIDTH
from plugin.commands.backtest.source import Recording
from plugin.commands.backtest.walk import LaneOfSeries, Walk, lanes
from plugin.config import Watch
from plugin.jobs.model_stack import ModelStack
from tests.benchmarks.quality.data import FloatArray


def names() -> list[str]:
    """Whatever is registered."""
    return detector_names()


def watch(detector: str, step: int) -> Watch:
    """All defaults."""
    return Watch(name="bench", query="bench", detector=detector, step=step)


def work(recordings: Sequence[Recording], jobs: int) -> list[LaneOfSeries]:
    """Lanes of equal size, no wider than those of a backtest, at least one for each process."""
    return lanes(recordings, "UTC", max(1, min(LANE_WIDTH, -(-len(recordings) // jobs))))


def walked(lane: LaneOfSeries, detector: str) -> tuple[list[FloatArray], int, int]:
    """The scores [T] of each recording on its own grid, bytes of one series' model, and how many
    have no such model.

    A series that the detector refuses is scored by `baseline`, as in service.
    """
    walk = Walk(lane, watch(detector, lane.step))
    score = walk.run().score
    stacks = list(walk._stacks.values())
    spec = to_spec(detector_named(detector, {}))
    chosen = [stack for stack in stacks if stack.spec == spec]
    refused = sum(len(stack.ids) for stack in stacks) - sum(len(stack.ids) for stack in chosen)
    parts = [score[row, lane.first[row] : lane.end[row]] for row in range(len(lane.recordings))]
    return parts, weight(chosen), refused


def weight(stacks: Sequence[ModelStack]) -> int:
    """Bytes of one series in a safetensors file of the whole stack, as the store writes it."""
    rows = sum(len(stack.ids) for stack in stacks)
    return -(-sum(_bytes(stack.fitted.state) for stack in stacks) // max(1, rows))


def _bytes(state: Mapping[str, NDArray[Any]]) -> int:
    return len(save({name: np.ascontiguousarray(array) for name, array in state.items()}))
