"""Ticks and samples with numbers that say where they belong."""

import numpy as np
import pytest

from plugin.series import FloatArray, IntArray, Samples, Tick
from plugin.store.sample_columns import COLUMNS

# Of a test about what only this database has.
SQLITE_ONLY = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
POSTGRESQL_ONLY = pytest.mark.parametrize("server", ["postgresql"], indirect=True)


def tick(
    ids: IntArray,
    times: list[int] | IntArray,
    value: FloatArray | float | None = None,
    *,
    version: int = 1,
    watch: str = "cpu",
    **carry: np.ndarray,
) -> Tick:
    """A judged tick (version 0: values only).

    Without `value`, that of series i at time t is i + t / 1e6.
    """
    shape = (len(ids), len(times))
    grid = np.array(times)
    default = ids[:, None] + grid[None, :] / 1e6
    values = np.broadcast_to(default if value is None else np.asarray(value, float), shape).copy()
    judged = np.where(np.isnan(values) | (version == 0), np.nan, 0.0)
    expected = values + judged + 0.25
    return Tick(
        watch,
        ids,
        grid,
        values,
        expected,
        expected - 1,
        expected + 2,
        judged + 0.25,
        np.full(len(ids), version),
        carry,
    )


def assert_equal(found: Samples, wanted: Samples) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
