"""Every detector that is installed keeps the contract that detectors/checks.py ships."""

from collections.abc import Callable

import pytest
import torch

from detectors.checks import yield_checks
from detectors.registry import detector_named, detector_names

VARIANTS = (
    ("autoencoder", {"kind": "conv"}),
    ("autoencoder", {"kind": "lstm"}),
    ("lstm", {"cell": "gru"}),
    ("lstm", {"layers": 2, "hidden": 12}),
)
SPECS = [*((name, {}) for name in detector_names()), *VARIANTS]
CASES = [
    pytest.param(check, id="-".join([name, *map(str, options.values()), title]))
    for name, options in SPECS
    for title, check in yield_checks(detector_named(name, options))
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("check", CASES)
def test_contract(check: Callable[[], None]) -> None:
    check()
