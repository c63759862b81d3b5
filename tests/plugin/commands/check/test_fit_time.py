"""How the time of two small fits becomes that of a whole watch."""

import pytest

from plugin.commands.check.fit_time import stacked_seconds
from plugin.config.model import WorkerSettings


@pytest.mark.parametrize(
    "count, stack, fits, seconds",
    [
        (1, 64, 1, 3.0),
        (64, 64, 1, 66.0),
        (128, 64, 1, 132.0),
        (128, 64, 2, 66.0),
        (64, 64, 2, 66.0),  # one stack is not shared
    ],
)
def test_a_stack_costs_a_start_and_its_rows(
    count: int, stack: int, fits: int, seconds: float
) -> None:
    assert stacked_seconds(
        {1: 3.0, 8: 10.0}, count, WorkerSettings(stack=stack, fits=fits)
    ) == pytest.approx(seconds)
