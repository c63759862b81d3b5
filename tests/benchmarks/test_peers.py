"""Peers: exact on small series, causal, and indifferent to gaps.

Those whose library is missing are skipped.
"""

import numpy as np
import pytest

from tests.benchmarks.quality.data import DAY, FloatArray, Series
from tests.benchmarks.quality.peers import PEERS, peer
from tests.benchmarks.quality.peers.seasonal import median_of_days
from tests.benchmarks.quality.peers.verdict import carried_forward, distance, spread

NAN = np.nan
STEP = 600
LIBRARIES = {"forest": "sklearn", "holt-winters": "statsmodels", "prophet": "prophet"}


def made(values: FloatArray, step: int = STEP) -> Series:
    return Series("made", 0, step, np.asarray(values, np.float64), (len(values) + 1) // 2)


def daily(days: float = 12, seed: int = 0) -> FloatArray:
    """[T] a daily shape with noise."""
    times = np.arange(0, int(days * DAY), STEP)
    noise = np.random.default_rng(seed).normal(size=len(times))
    values: FloatArray = 100 + 20 * np.sin(2 * np.pi * times / DAY) + noise
    return values


def test_a_distance_is_in_half_widths_and_never_divided_by_nothing() -> None:
    series = made(
        np.array([0.0, 2.0, 0.0, 2.0, 5.0, NAN, 1.0, 1.0])
    )  # standard deviation of the first half: 1
    expected = np.array([1.0, 1.0, NAN, 1.0, 1.0, 1.0, 1.0, 0.0])
    assert distance(series, expected, 2.0).tolist()[:2] == [0.5, 0.5]
    np.testing.assert_allclose(
        distance(series, expected, 0.0), [1e3, 1e3, NAN, 1e3, 4e3, NAN, 0, 1e3]
    )


def test_gaps_take_the_sample_before_and_the_first_one_the_sample_after() -> None:
    assert carried_forward(np.array([NAN, NAN, 3.0, NAN, 5.0, NAN])).tolist() == [3, 3, 3, 3, 5, 5]
    assert spread(np.array([3.0, NAN, -3.0])) == 3 and np.isnan(spread(np.array([NAN])))


def test_ewma_is_the_weighted_mean_of_the_samples_before() -> None:
    values = np.concatenate([np.tile([1.0, 3.0], 20), [20.0]])
    score = peer("ewma")(made(values)).score
    alpha = 2 / (6 + 1)  # a span of an hour, at ten minutes
    weight = (1 - alpha) ** np.arange(40)[::-1]
    mean = np.average(values[:40], weights=weight)
    biased = np.average((values[:40] - mean) ** 2, weights=weight)
    sigma = np.sqrt(biased / (1 - (weight**2).sum() / weight.sum() ** 2))
    assert score[40] == pytest.approx((20 - mean) / (3 * sigma))
    assert np.isnan(score[:10]).all() and np.isfinite(score[10:]).all()


def test_rolling_mad_is_the_modified_z_score() -> None:
    values = np.append(np.tile([8.0, 9.0, 10.0, 11.0, 12.0, 13.0], 20), 50.0)
    score = peer("mad")(
        made(values)
    ).score  # any six in a row have the median 10.5 and a deviation of 1.5
    assert score[-1] == pytest.approx(0.6745 * (50 - 10.5) / 1.5 / 3.5)


def test_the_seasonal_median_is_that_of_seven_days() -> None:
    values = np.arange(10.0) ** 2
    assert median_of_days(values, 1)[8:].tolist() == [
        16,
        25,
    ]  # of 1, 4, ..., 49 and of 4, 9, ..., 64
    assert np.isnan(median_of_days(values, 1)[0]) and median_of_days(values, 1)[2] == 0.5
    score = peer("seasonal")(made(np.append(daily(), 160))).score
    assert score[-1] > 5 and np.nanmean(score[len(score) // 2 :] > 1) < 0.05


def test_adaptive_rules_allow_half_the_level_and_two_deviations() -> None:
    flat = np.full(1200, 100.0)
    flat[-1] = 200.0  # the last hour has five of 100 and this one: mean 116.67, margin half of it
    score = peer("adaptive")(made(flat)).score
    assert score[-1] == pytest.approx((200 - 700 / 6) / (0.5 * 700 / 6)) and score[-2] == 0
    flat[-1] = 0.0  # what is not above zero is not selected
    assert np.isnan(peer("adaptive")(made(flat)).score[-1])


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Prophet's, of pandas
def test_every_peer_is_causal_and_finds_what_everyone_sees(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    if name.startswith("plain"):
        from tests.benchmarks.quality.peers import networks

        monkeypatch.setattr(networks, "STEPS", 20)
        monkeypatch.setattr(networks, "EPOCHS", 2)
    values = daily()
    values[[300, 301, 302, 1100]] = NAN
    seen = made(values)
    other = values.copy()
    other[1500:] += 300.0  # after the split: nothing before may change
    before, after = (peer(name)(made(each)) for each in (values, other))
    scored = slice(seen.split, 1500)
    np.testing.assert_allclose(before.score[scored], after.score[scored], rtol=1e-4, atol=1e-6)
    assert np.nanmax(after.score[1500:1510]) > max(1.0, np.nanmax(before.score[1500:1510]))
    assert before.score.shape == values.shape and np.isnan(before.score[1100]) and before.bytes > 0
    assert np.isfinite(np.delete(before.score[seen.split :], 1100 - seen.split)).all()
