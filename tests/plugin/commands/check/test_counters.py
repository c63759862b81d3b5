"""Raw counters are told from series that have a level."""

import numpy as np
import pytest

from plugin.commands.check.counters import counter_finding
from plugin.series import FloatArray, Labels, Series

RISE = np.arange(400.0)


@pytest.mark.parametrize(
    "values, raw",
    [
        (RISE, True),
        (RISE / 7 + 3, True),  # counters need not count in whole numbers
        (np.where(RISE < 200, RISE, RISE - 200), True),  # restarts once
        (np.where(RISE == 200, 199, RISE) - np.where(RISE == 201, 3, 0), False),  # falls a little
        (RISE % 20, False),  # falls too often
        (RISE - 5, False),  # below zero
        (RISE[:9], False),  # too short to tell
        (np.full(400, 7.0), False),
    ],
)
def test_the_rule_for_counters(values: FloatArray, raw: bool) -> None:
    series = Series(Labels.of({"a": "b"}), np.arange(len(values)) * 60, values)
    assert counter_finding("anything", [series]).startswith("LOOKS LIKE") == raw


def test_an_idle_counter_is_known_by_its_name() -> None:
    idle = Series(Labels.of({}), np.arange(400) * 60, np.zeros(400))
    assert "(by its name; no series has changed)" in counter_finding("shop_errors_total", [idle])
    assert counter_finding('shop_errors{by="x_total"}', [idle]) == "no"


def test_a_young_counter_is_known_by_its_name() -> None:
    young = Series(Labels.of({}), np.arange(5) * 60, np.arange(5.0))
    assert "(by its name; no series has fallen)" in counter_finding("shop_errors_total", [young])
    assert counter_finding("shop_errors", [young]) == "no"


def test_counters_among_other_series_are_pointed_out() -> None:
    waves = [Series(Labels.of({"no": str(i)}), np.arange(400) * 60, np.sin(RISE)) for i in range(3)]
    counter = Series(Labels.of({"__name__": "hits"}), np.arange(400) * 60, RISE)
    assert counter_finding('{job="api"}', [*waves, counter]).startswith(
        "perhaps in part: 1 of 4 series that change only rises, as hits{}: "
    )
