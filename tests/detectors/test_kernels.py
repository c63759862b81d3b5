"""Scores in pieces equal scores in one go whichever kernels the libraries choose.

Each case is a process of its own, because the libraries choose when they are loaded. A network need
not be good for this, so it is hardly trained.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from detectors.api import Detector, SeriesBatch
from detectors.check_series import synthetic
from detectors.checks import ALERT_BUDGET, pieces_equal_the_whole
from detectors.registry import detector_named, detector_names

# samples altogether, and to fit on
STEPS = 520
FIT = 360
NETWORKS = (
    ("autoencoder", {"kind": "dense"}),
    ("autoencoder", {"kind": "conv"}),
    ("autoencoder", {"kind": "lstm"}),
    ("vae", {}),
    ("lstm", {}),
    ("lstm", {"cell": "gru"}),
    ("lstm", {"layers": 2, "hidden": 13}),
    ("seq2seq", {}),
)
SPECS = (("baseline", {}), ("auto", {}), *((name, {**own, "steps": 3}) for name, own in NETWORKS))
AVX2 = {"avx2", "fma"}
AVX512 = AVX2 | {"avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512cd"}
ELEMENTWISE = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])

# What the libraries are told, and what the processor must be able to do for it.
KERNELS = {
    "chosen": ({}, set()),
    "oldest": (
        {
            "OPENBLAS_CORETYPE": "Prescott",
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "NPY_DISABLE_CPU_FEATURES": ELEMENTWISE,
        },
        {"sse4_2"},
    ),
    "compatible": (
        {
            "OPENBLAS_CORETYPE": "Nehalem",
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_CBWR": "COMPATIBLE",
        },
        AVX2,
    ),
    "haswell": (
        {
            "OPENBLAS_CORETYPE": "Haswell",
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        },
        AVX2,
    ),
    "zen": (
        {
            "OPENBLAS_CORETYPE": "Zen",
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "ALL",
            "MKL_CBWR": "AVX2",
        },
        AVX2,
    ),
    "skylake": (
        {
            "OPENBLAS_CORETYPE": "SkylakeX",
            "ATEN_CPU_CAPABILITY": "avx512",
            "ONEDNN_MAX_CPU_ISA": "ALL",
            "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        },
        AVX512,
    ),
    "halved": (
        {
            "OPENBLAS_CORETYPE": "SkylakeX",
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        },
        AVX512,
    ),
}


def _abilities() -> set[str]:
    """What the processor says that it can do; nothing where it is not asked this way."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return {word for line in lines if line.startswith("flags") for word in line.split()}


@pytest.mark.parametrize("name", KERNELS)
def test_pieces_equal_the_whole_with_any_kernel(name: str) -> None:
    told, needed = KERNELS[name]
    lacking = needed - _abilities()
    if lacking:
        pytest.skip(f"this processor has no {', '.join(sorted(lacking))}")
    root = Path(__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-m", "tests.detectors.test_kernels"],
        cwd=root,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stdout + child.stderr
    assert child.stdout.count("equal") == len(SPECS) + 1, child.stdout


def test_every_detector_is_among_them() -> None:
    assert {name for name, _ in SPECS} == set(detector_names())


def _cases() -> Iterator[tuple[str, Detector, SeriesBatch]]:
    """Every detector with a batch, and one whose batch has covariates."""
    batch = synthetic(steps=STEPS)
    for name, options in SPECS:
        yield f"{name} {options}", detector_named(name, options), batch
    covariates = np.stack([np.roll(batch.values, 1, axis=0), batch.values[::-1]], axis=1)
    yield "covariates", detector_named("lstm", {"steps": 3}), replace(batch, covariates=covariates)


def _check() -> None:
    """What a child does: all detectors, each with several series and with one."""
    torch.set_num_threads(1)
    for title, detector, batch in _cases():
        fitted = detector.fit(batch.steps(0, FIT), alert_budget=ALERT_BUDGET)
        alone = {name: array[1:2] for name, array in fitted.state.items()}
        pieces_equal_the_whole(fitted, batch)
        pieces_equal_the_whole(detector.restore(alone), batch.rows(np.array([1])))
        print(title, "equal", flush=True)


if __name__ == "__main__":
    _check()
