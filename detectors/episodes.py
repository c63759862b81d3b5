"""An alarm is an episode: what opens it, how long it lasts, and its score meanwhile.

An alarm opens at the first sample whose score exceeds 1. It ends when the hold has passed since its
last sample above 1, with or without samples. While it is open its score is the highest so far. So
an incident that comes back inside its band for a moment is one alarm, and its rank is its peak.

While no alarm is open, the score of an episode is the highest of the last hold: what an alarm would
have had if the band were narrower. It exceeds 1 exactly while an alarm is open.
"""

import math

import numpy as np

from detectors.api import FloatArray

# An alarm ends after so long without a sample outside, whichever is longer.
HOLD_SECONDS = 1800
HOLD_STEPS = 6


def hold_steps(step: int) -> int:
    """Steps (of `step` seconds) without a sample outside that end an alarm."""
    return max(HOLD_STEPS, math.ceil(HOLD_SECONDS / step))


def hold_seconds(step: int) -> int:
    """The same in seconds."""
    return hold_steps(step) * step


def episode_scores(score: FloatArray, step: int) -> FloatArray:
    """The scores [T] of the episodes that the scores [T] of samples make, `step` seconds apart.

    Where there is no score (NaN) there is none of an episode either, and the time passes.
    """
    return np.where(np.isnan(score), np.nan, held_scores(score, step))


def held_scores(score: FloatArray, step: int) -> FloatArray:
    """As `episode_scores`, and also where there is no sample: what is held there [T]; -inf = no
    score in all of the last hold."""
    held = np.where(np.isnan(score), -np.inf, score).astype(np.float64)
    steps = hold_steps(step)
    width = 1  # of the window whose maximum `held` is; it doubles
    while width < steps:
        shift = min(width, steps - width)
        held[shift:] = np.maximum(held[shift:], held[:-shift])
        width += shift
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held > 1, [False]])))
    for first, end in edges.reshape(-1, 2).tolist():
        held[first:end] = np.maximum.accumulate(held[first:end])
    return held
