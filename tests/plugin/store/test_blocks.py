import dataclasses
import json
import zlib
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.api import Band
from detectors.bands import rescore
from plugin.series import FloatArray, Samples
from plugin.store import blocks
from plugin.store.column_codec import (
    Reader,
    decode_floats,
    decode_integers,
    encode_floats,
    encode_integers,
)
from plugin.store.sample_columns import FLOATS, values_only
from tests.plugin.store.build import assert_equal

# As the program that wrote version 1 has encoded these columns.
BLOCKS_VERSION_1 = Path(__file__).parent / "blocks_version_1.json"
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, 5e-324, -1.7e308, 1.7e308, 0.1])


def random_floats(rng: np.random.Generator, n: int) -> FloatArray:
    """One of many kinds of column, some with NaN, infinities and the ends of the range mixed in."""
    kind = rng.integers(7)
    column = (
        rng.normal(100, 5, n)
        if kind == 0
        else rng.integers(0, 50, n) / 60
        if kind == 1
        else rng.integers(-1000, 1000, n) / 100
        if kind == 2
        else np.full(n, rng.normal())
        if kind == 3
        else np.ldexp(rng.integers(-500, 500, n).astype(float), int(rng.integers(-60, 60)))
        if kind == 4
        else rng.integers(0, 2**63, n).view(np.float64)
        if kind == 5
        else np.cumsum(rng.normal(size=n))
    )
    mixed = rng.random(n) < rng.choice([0.0, 0.1, 1.0])
    return np.where(mixed, rng.choice(SPECIAL, n), column)


def random_samples(seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 400))
    times = 86_400 * 20_000 + np.sort(rng.choice(1440, n, replace=False)) * 60
    value, expected, lower, upper = (random_floats(rng, n) for _ in range(4))
    score = (
        blocks.predicted_score(value, expected, lower, upper)
        if rng.random() < 0.5
        else random_floats(rng, n)
    )
    return Samples(times, value, expected, lower, upper, score, rng.integers(0, 9, n))


@pytest.mark.parametrize("seed", range(60))
def test_any_columns_come_back_exactly(seed: int) -> None:
    samples = random_samples(seed)
    data = blocks.encode(samples)
    assert_equal(blocks.decode(data), samples)
    times, value = blocks.decode_values(data)
    assert (times == samples.times).all() and np.array_equal(value, samples.value, equal_nan=True)


@pytest.mark.parametrize("numbers", [[], [0], [-(2**63)], [2**63 - 1, -(2**63), 0, 1], [7] * 300])
def test_integers_of_any_size(numbers: list[int]) -> None:
    column = np.array(numbers, np.int64)
    assert (decode_integers(Reader(encode_integers(column)), len(column)) == column).all()


@pytest.mark.parametrize(
    ("column", "most"),
    [
        (np.full(1440, 3.7), 40),
        (np.arange(1440.0), 40),
        (np.tile([0.25, 12.7], 720), 420),
        (np.random.default_rng(0).integers(0, 40, 1440) / 60, 1440),
        (np.full(1440, np.nan), 2),
    ],
)
def test_plain_columns_are_small(column: FloatArray, most: int) -> None:
    data = encode_floats(column)
    assert len(data) <= most
    assert np.array_equal(decode_floats(Reader(data), len(column)), column, equal_nan=True)


def test_a_score_as_the_scorer_makes_it_costs_next_to_nothing() -> None:
    rng = np.random.default_rng(0)
    n = 1440
    value = rng.normal(size=n)
    expected = np.zeros(n)
    band = Band(expected[None] - 2, expected[None], expected[None] + 3)
    score = rescore(value[None] * 9, np.ones((1, n), bool), band)[0]
    value = value * 9
    samples = Samples(
        np.arange(n) * 60, value, expected, expected - 2, expected + 3, score, np.full(n, 4)
    )
    unlike = dataclasses.replace(samples, score=np.minimum(score, 0.5))
    alone = len(blocks.encode(values_only(samples.times, value)))
    assert len(blocks.encode(samples)) - alone < 30
    assert_equal(blocks.decode(blocks.encode(unlike)), unlike)


def test_the_frozen_formula() -> None:
    value = np.array([3.0, -1.0, 1.0, 1.0, 2.0, -np.inf, np.nan])
    expected = np.ones(7)
    lower = np.array([0.0, -3.0, 1.0, 0.0, 0.0, -np.inf, 0.0])
    upper = np.array([2.0, 2.0, 1.0, 2.0, np.inf, 2.0, 2.0])
    assert np.array_equal(
        blocks.predicted_score(value, expected, lower, upper),
        [2.0, 0.5, 0.0, 0.0, 0.0, 0.0, np.nan],
        equal_nan=True,
    )


def test_refuses_what_is_not_a_column_block() -> None:
    row = values_only(np.array([60]), np.array([1.0]))
    with pytest.raises(ValueError, match="above 0"):
        blocks.encode(values_only(row.times[:0], row.value[:0]))
    with pytest.raises(ValueError, match="one length"):
        blocks.encode(dataclasses.replace(row, score=np.empty(0)))
    for times in ([60, 60], [120, 60]):
        with pytest.raises(ValueError, match="without duplicates"):
            blocks.encode(values_only(np.array(times), np.zeros(2)))


def test_damage_is_noticed() -> None:
    data = blocks.encode(random_samples(1))
    for bad, reason in (
        (data[:9], "cut short"),
        (b"\x03" + data[1:], "version 3"),
        (data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
    ):
        with pytest.raises(ValueError, match=reason):
            blocks.decode(bad)
    body = data[5:30]
    with pytest.raises(ValueError, match="ends too early"):
        blocks.decode(data[:1] + zlib.crc32(body).to_bytes(4, "little") + body)


@pytest.mark.parametrize("stored", json.loads(BLOCKS_VERSION_1.read_text()), ids=itemgetter("name"))
def test_blocks_of_version_1_are_read(stored: dict[str, Any]) -> None:
    data = bytes.fromhex(stored["data"])
    assert data[0] == 1
    columns = {name: np.array(stored[name], float) for name in FLOATS}
    times, versions = (np.array(stored[name], np.int64) for name in ("times", "model_version"))
    samples = Samples(times, **columns, model_version=versions)
    assert_equal(blocks.decode(data), samples)
    read_times, read_values = blocks.decode_values(data)
    assert np.array_equal(read_times, times)
    assert np.array_equal(read_values, samples.value, equal_nan=True)
    again = blocks.encode(blocks.decode(data))
    assert again[0] == blocks.VERSION
    assert_equal(blocks.decode(again), samples)
