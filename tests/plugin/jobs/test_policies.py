"""Each policy at its edges: the band moves, and the score agrees with it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.api import Band
from detectors.bands import MAX_SCORE, round_band, widen_band
from plugin.config import Watch
from plugin.domain.alarms import OpenAlarms
from plugin.domain.tolerances import BandWidening
from plugin.jobs.latest_samples import LatestSamples
from plugin.jobs.policies import judge_values, move_band, persistence_score
from plugin.series import FloatArray, Labels, SeriesRecord, SeriesState, Tick
from plugin.store import Store

INF = np.inf
# of the random bands
S = 40
T = 25
ROUNDS = 60


def watch(**settings: Any) -> Watch:
    return Watch(name="w", query="up", **settings)


def band(lower: float = 90.0, expected: float = 100.0, upper: float = 110.0) -> Band:
    return Band(*(np.array([[bound]]) for bound in (lower, expected, upper)))


def bounds(after: Band) -> tuple[float, float, float]:
    return float(after.lower[0, 0]), float(after.expected[0, 0]), float(after.upper[0, 0])


def score(value: float, before: Band, **settings: Any) -> float:
    """Of one value; and that it agrees with the band."""
    anomaly, after = judge_values(np.array([[value]]), before, watch(**settings))
    found = float(anomaly[0, 0])
    assert (found > 1) == (value < after.lower[0, 0] or value > after.upper[0, 0])
    return found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (90, 100, 110)),
        ({"direction": "above"}, (-INF, 100, 110)),
        ({"direction": "below"}, (90, 100, INF)),
        ({"min_deviation": 15.0}, (85, 100, 115)),
        ({"min_deviation": 10.0}, (90, 100, 110)),
        ({"min_deviation": 5.0}, (90, 100, 110)),
        ({"min_relative_deviation": 0.2}, (80, 100, 120)),
        ({"min_deviation": 30.0, "min_relative_deviation": 0.2}, (70, 100, 130)),
        ({"min_deviation": 10.0, "min_relative_deviation": 0.2}, (80, 100, 120)),
        ({"valid_range": (95.0, 105.0)}, (95, 100, 105)),
        ({"valid_range": (90.0, 110.0)}, (90, 100, 110)),
        ({"valid_range": (95.0, INF)}, (95, 100, 110)),
        ({"valid_range": (-INF, 105.0)}, (90, 100, 105)),
        ({"valid_range": (-INF, 95.0)}, (90, 95, 95)),
        ({"valid_range": (0.0, 50.0)}, (50, 50, 50)),
        ({"valid_range": (120.0, INF)}, (120, 120, 120)),
        ({"min_deviation": 20.0, "valid_range": (0.0, 105.0)}, (80, 100, 105)),
        ({"direction": "above", "min_deviation": 20.0}, (-INF, 100, 120)),
        ({"direction": "above", "valid_range": (0.0, INF)}, (0, 100, 110)),
        ({"direction": "below", "valid_range": (0.0, 200.0)}, (90, 100, 200)),
        (
            {"direction": "below", "min_relative_deviation": 0.5, "valid_range": (60.0, 200.0)},
            (60, 100, 200),
        ),
    ],
)
def test_the_band_moves(settings: dict[str, Any], expected: tuple[float, float, float]) -> None:
    assert bounds(move_band(band(), watch(**settings))) == expected


@pytest.mark.parametrize(
    ("expected", "share", "bound"),
    [
        (100.0, 0.25, (75, 125)),
        (-100.0, 0.25, (-125, -75)),
        (0.0, 10.0, (-1, 1)),
        (-8.0, 0.5, (-12, -4)),
        (1.0, 0.5, (0, 2)),
    ],
)
def test_a_share_is_one_of_the_size_of_what_is_expected(
    expected: float, share: float, bound: tuple[float, float]
) -> None:
    lower, _, upper = bounds(
        move_band(band(expected - 1, expected, expected + 1), watch(min_relative_deviation=share))
    )
    assert (lower, upper) == bound


@pytest.mark.parametrize(
    ("settings", "value", "outside"),
    [
        ({}, 110.0, False),
        ({}, np.nextafter(110.0, 200), True),
        ({"direction": "above"}, -1e9, False),
        ({"direction": "above"}, 110.0, False),
        ({"direction": "above"}, np.nextafter(110.0, 200), True),
        ({"direction": "below"}, 1e9, False),
        ({"direction": "below"}, np.nextafter(90.0, 0), True),
        ({"min_deviation": 15.0}, 115.0, False),
        ({"min_deviation": 15.0}, np.nextafter(115.0, 200), True),
        ({"min_deviation": 15.0}, 85.0, False),
        ({"min_deviation": 15.0}, np.nextafter(85.0, 0), True),
        ({"min_relative_deviation": 0.25}, 75.0, False),
        ({"min_relative_deviation": 0.25}, np.nextafter(75.0, 0), True),
        ({"valid_range": (0.0, 105.0)}, 105.0, False),
        ({"valid_range": (0.0, 105.0)}, np.nextafter(105.0, 200), True),
        ({"valid_range": (0.0, 50.0)}, 50.0, False),
        (
            {"valid_range": (0.0, 50.0)},
            np.nextafter(50.0, 0),
            True,
        ),  # possible, and far below what is expected
        ({"valid_range": (0.0, 50.0)}, np.nextafter(50.0, 60), True),
        ({"min_deviation": 50.0, "valid_range": (0.0, 105.0)}, 106.0, True),
        ({"direction": "above", "valid_range": (0.0, INF)}, 0.0, False),
        (
            {"direction": "above", "valid_range": (0.0, INF)},
            -5e-324,
            True,
        ),  # impossible is never ignored
        ({"direction": "below", "valid_range": (0.0, 200.0)}, np.nextafter(200.0, 300), True),
    ],
)
def test_score_and_band_agree(settings: dict[str, Any], value: float, outside: bool) -> None:
    assert (score(value, band(), **settings) > 1) is outside


def test_the_score_is_the_distance_in_half_widths_of_the_moved_band() -> None:
    assert score(120.0, band()) == 2.0
    assert score(120.0, band(), min_deviation=40.0) == 0.5
    assert score(80.0, band(), direction="above") == 0.0
    assert score(80.0, band(), direction="above", valid_range=(60.0, INF)) == 0.5
    assert score(115.0, band(), valid_range=(0.0, 105.0)) == 3.0
    assert score(50.0, band(), valid_range=(0.0, 50.0)) == 0.0
    assert score(49.0, band(), valid_range=(0.0, 50.0)) == MAX_SCORE


def test_no_sample_and_no_band_give_no_score() -> None:
    assert np.isnan(judge_values(np.array([[np.nan]]), band(), watch())[0]).all()
    nothing = band(np.nan, np.nan, np.nan)
    settings = watch(
        direction="above", min_deviation=1.0, min_relative_deviation=0.1, valid_range=(0.0, 9.0)
    )
    anomaly, after = judge_values(np.array([[50.0]]), nothing, settings)
    assert np.isnan(anomaly).all() and np.isnan(after.lower).all() and np.isnan(after.upper).all()


@pytest.mark.parametrize("half", [0.0, 5e-324, 1e-300, 1e-9, 1.0])
@pytest.mark.parametrize("least", [1e-9, 0.3, 1e12])
def test_the_least_deviation_does_not_depend_on_how_narrow_the_band_was(
    half: float, least: float
) -> None:
    after = widen_band(band(-half, 0.0, half), np.array([[least]]))
    reached = max(half, least)
    assert reached <= float(after.upper[0, 0]) == -float(after.lower[0, 0]) <= 1.004 * reached


def random_band(rng: np.random.Generator) -> Band:
    """[S, T] of all sizes, as detectors make them; some so narrow that they have no width."""
    scale = 10.0 ** rng.uniform(-9, 9, (S, 1))
    expected = rng.normal(size=(S, T)) * scale * rng.choice([0.0, 1.0, 1e3], (S, 1))
    below, above = np.abs(rng.normal(size=(2, S, T))) * scale
    made = round_band(
        Band(expected - below, expected, expected + above),
        scale[:, 0] * 10.0 ** rng.uniform(-6, -1),
    )
    flat = rng.random((S, 1)) < 0.1
    return Band(
        np.where(flat, made.expected, made.lower),
        made.expected,
        np.where(flat, made.expected, made.upper),
    )


def random_policies(rng: np.random.Generator) -> dict[str, Any]:
    """Any combination, at any size."""
    size = 10.0 ** rng.uniform(-9, 9)
    low, high = np.sort(rng.normal(size=2)) * size
    ranges = [None, (low, high), (-INF, high), (low, INF), (0.0, INF), (-size, size)]
    return {
        "direction": str(rng.choice(["both", "above", "below"])),
        "min_deviation": float(rng.choice([0.0, size, 1e-6 * size])),
        "min_relative_deviation": float(rng.choice([0.0, 0.1, 10.0])),
        "valid_range": ranges[rng.integers(6)],
    }


def edges(before: Band, after: Band, rng: np.random.Generator) -> list[FloatArray]:
    """Values [S, T] on the bounds, one number beside them, and anywhere."""
    on = [before.lower, before.expected, before.upper, after.lower, after.expected, after.upper]
    beside = [np.nextafter(bound, side) for bound in on for side in (-INF, INF)]
    spread = before.expected + 3 * rng.normal(size=(S, T)) * (before.upper - before.lower)
    return [np.where(np.isfinite(values), values, 0.0) for values in [*on, *beside, spread]]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_after_any_policies_the_score_is_above_1_exactly_outside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = random_band(rng)
    settings = random_policies(rng)
    after = move_band(before, watch(**settings))
    assert (after.lower <= after.expected).all() and (after.expected <= after.upper).all()
    low, high = settings["valid_range"] or (-INF, INF)
    least = np.maximum(
        settings["min_deviation"], settings["min_relative_deviation"] * np.abs(before.expected)
    )
    for values in edges(before, after, rng):
        anomaly, drawn = judge_values(values, before, watch(**settings))
        for name in ("lower", "expected", "upper"):
            np.testing.assert_array_equal(getattr(drawn, name), getattr(after, name))
        outside = anomaly > 1
        np.testing.assert_array_equal(outside, (values < after.lower) | (values > after.upper))
        assert ((anomaly >= 0) & (anomaly <= MAX_SCORE)).all()
        possible = (values >= low) & (values <= high)
        assert outside[~possible].all()
        inside = (values >= before.lower) & (values <= before.upper)
        close = (values >= before.expected - least) & (values <= before.expected + least)
        ignored = (settings["direction"] == "above") & (values <= before.expected) | (
            settings["direction"] == "below"
        ) & (values >= before.expected)
        assert not (outside & possible & (inside | close | ignored)).any()
        reach = 1.01 * least + 2 * np.spacing(np.abs(before.expected))  # distances are rounded up
        far = (values < np.minimum(before.lower, before.expected - reach)) | (
            values > np.maximum(before.upper, before.expected + reach)
        )
        assert outside[far & ~ignored & (values != low) & (values != high)].all()


@pytest.mark.parametrize(
    ("recent", "k", "expected"),
    [
        ([0.5, 3.0], 1, 3.0),
        ([0.5, 1.2, 3.0], 2, 1.2),
        ([0.5, 0.7, 3.0], 2, 0.7),
        ([0.5, 0.7, 3.0], 3, 0.5),
        ([1.1, 1.2, 3.0], 3, 1.1),
        ([1.0, 1.2, 3.0], 3, 1.0),
        ([np.nan, np.nan, 3.0], 2, 0.0),
        ([np.nan, 2.0, 3.0], 2, 2.0),
        ([np.nan, 2.0, 3.0], 3, 0.0),
    ],
)
def test_persistence_is_the_kth_largest(recent: list[float], k: int, expected: float) -> None:
    assert persistence_score(np.array([recent]), k).tolist() == [expected]


def test_persistence_without_any_score() -> None:
    assert np.isnan(persistence_score(np.full((1, 3), np.nan), 2)).all()


def test_persistence_is_above_1_exactly_when_k_of_n_are() -> None:
    rng = np.random.default_rng(5)
    for n in (1, 2, 3, 5, 100):
        recent = rng.choice([0.0, 0.9, 1.0, np.nextafter(1.0, 2), 4.0, np.nan], (500, n))
        for k in {1, 2, n} & set(range(1, n + 1)):
            found = persistence_score(recent, k)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(recent).all(axis=1))
            np.testing.assert_array_equal(found > 1, (recent > 1).sum(axis=1) >= k)


@pytest.mark.parametrize("persistence", [(1, 1), (2, 3), (3, 3)])
def test_a_restart_at_any_time_changes_no_alert_score(
    tmp_path: Path, persistence: tuple[int, int]
) -> None:
    """Sample by sample with gaps, over a real store: each time once as it goes on, and once taken
    up anew."""
    settings = watch(persistence=persistence, step=600, learn_for=0)
    course = [1, 9, np.nan, 9, 9, 1, np.nan, np.nan, 9, 9, 9, 1, 1, 9, *[1] * 7, 9]
    values = np.array(course, float)[None]
    scores, before = judge_values(
        values, Band(*(np.full(values.shape, bound) for bound in (0.0, 1.0, 2.0))), settings
    )
    lasting = LatestSamples(settings)
    alarms = OpenAlarms(600, persistence, 0, {})
    seen = []
    with closing(Store.open(tmp_path)) as store:
        ids = np.array([store.series.register("w", [Labels.of({"job": "a"})], 0)[0].id])
        for at in range(values.shape[1]):
            now = slice(at, at + 1)
            time = 600 * (at + 1)
            tick = Tick(
                "w",
                ids,
                np.array([time]),
                values[:, now],
                before.expected[:, now],
                before.lower[:, now],
                before.upper[:, now],
                scores[:, now],
                np.ones(1, np.int64),
            )
            changed, alarms = alarms.after([tick], lasting.recent)
            store.write([tick], "query", (time, time), changed)
            lasting.update(tick)
            lasting.hold(changed)
            lasting.end_run(time - 600, time)
            fresh = LatestSamples(settings)
            fresh.restore(ids, store.samples.latest(ids, persistence[1]), time)
            fresh.hold(store.alarms.between(0, time, ids))
            record = SeriesRecord(int(ids[0]), "w", Labels(()), SeriesState.OK, 0, 60)
            shown = [each.snapshot([record], {}, time, 86_400)[0] for each in (lasting, fresh)]
            assert shown[0].alert_score.tolist() == shown[1].alert_score.tolist()
            seen.append(float(shown[0].alert_score[0]) > 1)
    assert [at for at, alerts in enumerate(seen) if alerts] == {
        (1, 1): [*range(1, 19), 21],  # six steps after the last sample outside
        (2, 3): [*range(3, 17)],
        (3, 3): [*range(4, 16)],
    }[persistence]


def widening(below: float, above: float) -> BandWidening:
    return BandWidening(np.array([0]), np.array([[[below]], [[above]]]))


@pytest.mark.parametrize(
    ("below", "above", "settings", "expected"),
    [
        (1.0, 2.0, {}, (90, 100, 120)),
        (3.0, 1.0, {}, (70, 100, 110)),
        (1.0, 1.0, {}, (90, 100, 110)),
        (1.0, 2.0, {"min_deviation": 15.0}, (85, 100, 130)),
        (2.0, 2.0, {"direction": "above"}, (-INF, 100, 120)),
        (
            2.0,
            2.0,
            {"valid_range": (85.0, 115.0)},
            (85, 100, 115),
        ),  # what cannot be is never tolerated
    ],
)
def test_a_tolerance_moves_one_bound_outward(
    below: float, above: float, settings: dict[str, Any], expected: tuple[float, float, float]
) -> None:
    after = move_band(band(), watch(**settings), widening(below, above))
    assert bounds(after) == pytest.approx(expected, rel=0.005)
    assert after.lower <= expected[0] and after.upper >= expected[2], "rounded outwards"


def test_other_series_stay_as_they_are_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    expected = rng.normal(size=(3, 50))
    half = rng.exponential(size=(3, 50))
    before = round_band(Band(expected - half, expected, expected + 2 * half), np.full(3, 1e-9))
    values = expected + rng.normal(size=(3, 50)) * 3
    factor = np.ones((2, 1, 50))
    factor[1, 0, 25:] = 1.7
    score_after, after = judge_values(values, before, watch(), BandWidening(np.array([1]), factor))
    score_before, _ = judge_values(values, before, watch())
    same = np.ones((3, 50), bool)
    same[1, 25:] = False
    assert (after.lower == before.lower).all() and (after.upper == before.upper)[same].all()
    assert (score_after == score_before)[same].all() and (after.upper > before.upper)[~same].all()
    outside = (values < after.lower) | (values > after.upper)
    assert ((score_after > 1) == outside).all()
