"""Names, options and specs."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

import detectors.registry
from detectors.api import Detector, DetectorError
from detectors.lstm import LSTM
from detectors.registry import MEMBERS, detector_named, detector_names, from_spec, to_spec


@dataclass(frozen=True)
class Incomplete:
    """A detector of another package, written before there was `takes_covariates`."""

    name: ClassVar[str] = "incomplete"
    warm_up: ClassVar[int] = 0

    def fit(self) -> None: ...

    def restore(self) -> None: ...


def test_ours_come_through_the_public_door() -> None:
    assert {"baseline", "lstm", "vae"} <= set(detector_names())


def test_options_reach_the_detector() -> None:
    assert detector_named("lstm", {"hidden": 16, "rate": 1}) == LSTM(hidden=16, rate=1.0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lsmt", {}, "unknown detector `lsmt`, did you mean `lstm`"),
        ("lstm", {"hiden": 3}, "detector `lstm` has no option `hiden`, did you mean `hidden`"),
        ("lstm", {"hidden": "24"}, "`hidden` must be int: got '24'"),
        ("lstm", {"hidden": True}, "`hidden` must be int: got True"),
        ("lstm", {"hidden": 2}, "`hidden` must lie between 4 and 256: got 2"),
        ("baseline", {"hidden": 2}, "detector `baseline` has no option `hidden`; valid: none"),
    ],
)
def test_wrong_options_say_what_is_valid(
    name: str, options: dict[str, int | float | str], message: str
) -> None:
    with pytest.raises(DetectorError) as caught:
        detector_named(name, options)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["baseline", "lstm", "vae"])
def test_spec_is_canonical_and_goes_both_ways(name: str) -> None:
    detector = detector_named(name, {})
    assert from_spec(to_spec(detector)) == detector
    assert to_spec(detector_named(name, {})) == to_spec(detector)


def test_garbage_is_no_spec() -> None:
    with pytest.raises(DetectorError, match="not the spec"):
        from_spec("{}")


def test_a_detector_that_lacks_something_is_refused_with_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = EntryPoint("incomplete", f"{__name__}:Incomplete", detectors.registry.GROUP)
    monkeypatch.setattr(detectors.registry, "_entries", lambda: {"incomplete": entry})
    with pytest.raises(DetectorError, match="Detector: it lacks `takes_covariates`$"):
        detector_named("incomplete", {})


def test_the_registry_names_every_member_of_the_protocol() -> None:
    members = {name for name in vars(Detector) if not name.startswith("_")}
    assert set(MEMBERS) == members | set(Detector.__annotations__)
