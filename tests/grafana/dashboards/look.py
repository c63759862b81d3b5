"""How things look: colours by meaning, the words for states, and what the properties of a field
are."""

from typing import Any

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, Threshold, ThresholdsMode

VALUE = "green"
BAND = "light-blue"
ANOMALY = "red"
CAUTION = "orange"
GOOD = "green"
NEUTRAL = "blue"
LEARNING = "purple"
ABOVE_ONE = 1.0000001  # a threshold holds from its value on
SPENT = (0.8, CAUTION), (ABOVE_ONE, ANOMALY)  # of a budget
CLOCK = "dthms"  # a span of time as hours:minutes:seconds
EXPECTED = QUIET = "text"  # the colour of writing, in the dark and in the light theme

STATES = {
    "ok": (GOOD, "ok"),
    "warming_up": (NEUTRAL, "warming up"),
    "learning": (LEARNING, "learning"),
    "missing": (CAUTION, "missing"),
    "stale": (ANOMALY, "stale"),
    "gone": (QUIET, "gone"),
    "starting": (NEUTRAL, "starting"),
    "late": (CAUTION, "late"),
    "failing": (ANOMALY, "failing"),
    "open": (ANOMALY, "open"),
    "outside": (ANOMALY, "outside"),
    "recovering": (CAUTION, "recovering"),
    "over": (QUIET, "over"),
    "closed": (QUIET, "closed"),
    "maintenance": (QUIET, "maintenance"),
    "paused": (QUIET, "paused"),
    "in_force": (GOOD, "in force"),
    "withdrawn": (QUIET, "withdrawn"),
    "replaced": (QUIET, "replaced"),
}
VERDICTS = {
    "false_alarm": (CAUTION, "false alarm"),
    "real": (ANOMALY, "real"),
    "new_normal": (NEUTRAL, "new normal"),
}
DIRECTIONS = {"1": (ANOMALY, "▲ above"), "-1": (NEUTRAL, "▼ below"), "0": (QUIET, "inside")}


def steps(base: str, *above: tuple[float, str]) -> ThresholdsConfig:
    """Colours by value: the first one from minus infinity on."""
    return (
        ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps(
            [
                Threshold(value=None, color=base),
                *(Threshold(value=value, color=color) for value, color in above),
            ]
        )
    )


def prop(name: str, value: Any) -> DynamicConfigValue:
    """A property of a field, as an override sets it."""
    return DynamicConfigValue(id_val=name, value=value)


def fixed(color: str) -> DynamicConfigValue:
    return prop("color", {"mode": "fixed", "fixedColor": color})


def colored(base: str, *above: tuple[float, str]) -> DynamicConfigValue:
    return prop("thresholds", steps(base, *above).build().to_json())


def words(known: dict[str, tuple[str, str]]) -> DynamicConfigValue:
    """Value mappings: value -> colour and text."""
    return prop(
        "mappings",
        [
            {
                "type": "value",
                "options": {
                    value: {"color": color, "text": text, "index": index}
                    for index, (value, (color, text)) in enumerate(known.items())
                },
            }
        ],
    )


ABSENT = prop(
    "noValue", "–"
)  # for a null in a cell or a tooltip, which would say what the empty panel says
