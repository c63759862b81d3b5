"""How good scores are sample by sample: precision, recall, F1, and the area under their curve.

Every sample counts alike, so one long incident outweighs twenty short ones, and a late score costs
recall. Use these measures to compare with published numbers; the ones by event show whether a page
can be trusted. There is no point adjustment, because it makes random scores look good (Kim et al.
2022, "Towards a rigorous evaluation of time-series anomaly detection"). Label -1 and missing
samples are left out; an observed sample without a score is above no threshold.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.evaluate import harmonic


@dataclass(frozen=True)
class Points:
    """Counts at one threshold."""

    true: int = 0  # incident samples above
    false: int = 0  # other samples above
    missed: int = 0  # incident samples not above

    def __add__(self, other: "Points") -> "Points":
        return Points(self.true + other.true, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """NaN when nothing is above."""
        return self.true / (self.true + self.false) if self.true + self.false else float("nan")

    @property
    def recall(self) -> float:
        """NaN when there is no incident."""
        return self.true / (self.true + self.missed) if self.true + self.missed else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; NaN when there is no incident."""
        return harmonic(self.precision, self.recall)


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall of K thresholds, the highest first."""

    threshold: FloatArray  # [K] samples with score > threshold are flagged
    precision: FloatArray  # [K]
    recall: FloatArray  # [K] ascending
    incident: int  # samples of incidents

    @property
    def area(self) -> float:
        """PR-AUC as average precision, sum of (R_k - R_(k-1)) P_k (Zhu 2004); nothing is drawn
        between thresholds.

        NaN when there is no incident. Scores without information reach the share of incident
        samples.
        """
        if not self.incident:
            return float("nan")
        return float((np.diff(self.recall, prepend=0.0) * self.precision).sum())

    def best_f1(self) -> tuple[float, float]:
        """(threshold, F1) where F1 is highest; the lowest threshold of equals; NaN as the threshold
        if no threshold flags an incident."""
        if len(self.recall) == 0 or self.recall[-1] == 0:
            return float("nan"), 0.0 if self.incident else float("nan")
        total = np.maximum(self.precision + self.recall, np.finfo(np.float64).tiny)
        f1 = 2 * self.precision * self.recall / total
        best = len(f1) - 1 - int(f1[::-1].argmax())
        return float(self.threshold[best]), float(f1[best])


def labelled_samples(
    score: FloatArray, label: IntArray, observed: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """The samples that count, [N] scores (-inf = none) and [N] whether part of an incident, from
    arrays [T]."""
    mask = observed & (label != -1)
    return np.where(np.isnan(score[mask]), -np.inf, score[mask]), label[mask] == 1


def points(score: FloatArray, incident: BoolArray, threshold: float = 1.0) -> Points:
    """Counts samples [N] at one threshold."""
    above = score > threshold
    return Points(
        int((above & incident).sum()),
        int((above & ~incident).sum()),
        int((~above & incident).sum()),
    )


def precision_recall(score: FloatArray, incident: BoolArray) -> PrecisionRecall:
    """Precision and recall of each threshold that tells samples [N] apart; equal scores are flagged
    together."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    hits = np.cumsum(incident[order])
    last = (
        np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
        if len(ranked)
        else np.empty(0, np.int64)
    )
    last = last[ranked[last] > -np.inf]  # samples without a score are never flagged
    total = int(incident.sum())
    below = np.append(ranked, -np.inf)[last + 1]  # the next lower score
    threshold = np.where(np.isfinite(below), below, np.nextafter(ranked[last], -np.inf))
    return PrecisionRecall(threshold, hits[last] / (last + 1), hits[last] / max(total, 1), total)
