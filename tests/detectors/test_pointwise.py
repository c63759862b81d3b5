"""Precision and recall by sample, on arrays small enough to count by hand."""

import math

import numpy as np
import pytest

from detectors.pointwise import Points, labelled_samples, points, precision_recall


def test_counts_and_ratios() -> None:
    score = np.array([2, 0.5, 3, 1, -np.inf])
    incident = np.array([True, True, False, False, True])
    found = points(score, incident)
    assert found == Points(1, 1, 2)
    assert (found.precision, found.recall, found.f1) == (
        0.5,
        pytest.approx(1 / 3),
        pytest.approx(0.4),
    )
    assert found + Points(1, 1, 0) == Points(2, 2, 2)


def test_nothing_to_say() -> None:
    assert (
        math.isnan(Points().precision) and math.isnan(Points().recall) and math.isnan(Points().f1)
    )
    assert Points(0, 0, 4).f1 == 0


def test_gaps_and_neither_do_not_count() -> None:
    score, incident = labelled_samples(
        np.array([1, 2, np.nan, 4.0]), np.array([1, -1, 0, 1]), np.array([True, True, True, False])
    )
    assert score.tolist() == [1, -np.inf] and incident.tolist() == [True, False]


def test_average_precision() -> None:
    """The four samples of scikit-learn's example: 1/2 * 1 + 1/2 * 2/3."""
    found = precision_recall(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    assert found.area == pytest.approx(0.5 + 1 / 3)
    assert found.threshold.tolist()[:3] == [0.4, 0.35, 0.1] and found.threshold[3] < 0.1
    assert found.precision.tolist() == [1, 0.5, pytest.approx(2 / 3), 0.5]
    assert found.recall.tolist() == [0.5, 0.5, 1, 1]
    assert found.best_f1() == (0.1, pytest.approx(0.8))


def test_equal_scores_are_flagged_together() -> None:
    found = precision_recall(np.ones(4), np.array([True, False, False, False]))
    assert found.area == 0.25 and found.threshold[0] < 1 and len(found.threshold) == 1


def test_samples_without_a_score_are_never_flagged() -> None:
    score = np.array([-np.inf, 2, -np.inf])
    incident = np.array([True, True, False])
    found = precision_recall(score, incident)
    assert found.recall.tolist() == [0.5] and found.area == 0.5
    assert points(score, incident, found.best_f1()[0]) == Points(1, 0, 1)


def test_without_an_incident_there_is_no_area() -> None:
    found = precision_recall(np.array([1.0, 2]), np.zeros(2, bool))
    assert math.isnan(found.area) and all(math.isnan(part) for part in found.best_f1())
    unscored = precision_recall(np.array([-np.inf]), np.ones(1, bool))
    assert unscored.area == 0 and math.isnan(unscored.best_f1()[0])
    assert math.isnan(precision_recall(np.empty(0), np.empty(0, bool)).area)


def test_the_chosen_threshold_reaches_its_f1() -> None:
    random = np.random.default_rng(0)
    incident = random.random(300) < 0.1
    score = np.round(np.abs(random.normal(size=300)) + incident, 1)
    threshold, f1 = precision_recall(score, incident).best_f1()
    assert points(score, incident, threshold).f1 == pytest.approx(f1)
    assert all(points(score, incident, other).f1 <= f1 + 1e-12 for other in np.unique(score))
