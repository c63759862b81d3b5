"""Names, options and specs."""

import pytest

from detectors.api import DetectorError
from detectors.lstm import LSTM
from detectors.registry import detector_named, detector_names, from_spec, to_spec


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
