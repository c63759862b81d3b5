"""An isolation forest over lag features.

Source: Liu, Ting & Zhou (2008), Isolation Forest; scikit-learn's defaults.
"""

import pickle

import numpy as np
from sklearn.ensemble import IsolationForest

from tests.benchmarks.quality.data import DAY, FloatArray, Series
from tests.benchmarks.quality.peers.verdict import Verdict, carried_forward

LAGS = 10  # the sample and those before it
THRESHOLD = 0.5  # of the paper, and `contamination="auto"`


def isolation_forest(series: Series) -> Verdict:
    """The anomaly score of the paper, (0, 1), over its threshold of 0.5."""
    features = lag_features(series)
    there = np.isfinite(series.values) & np.isfinite(features).all(axis=1)
    known = there & (np.arange(len(there)) < series.split)
    forest = IsolationForest(n_estimators=100, random_state=0).fit(features[known])
    score = np.full(len(there), np.nan)
    score[there] = -forest.score_samples(features[there]) / THRESHOLD
    return Verdict(score, len(pickle.dumps(forest)))


def lag_features(series: Series) -> FloatArray:
    """[T, LAGS + 3] the last samples, the same time yesterday, and where in the day that is; gaps
    carried forward."""
    values = carried_forward(series.values) / series.scale
    day = series.samples(DAY)
    lags = [
        np.concatenate([np.full(back, np.nan), values[: len(values) - back]])
        for back in [*range(LAGS), day]
    ]
    angle = 2 * np.pi * (series.times % DAY) / DAY
    return np.stack([*lags, np.sin(angle), np.cos(angle)], axis=1)
