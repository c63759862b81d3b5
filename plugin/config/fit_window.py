"""How much history a fit sees: a duration, or `auto`, which is as much as there is within
bounds."""

from plugin.config.durations import DURATION_FORMAT
from plugin.config.field_types import DurationField, FieldType
from plugin.config.problems import InvalidValue
from plugin.domain.times import MINUTE, WEEK

AUTO = "auto"
AUTO_SECONDS = 5 * WEEK  # what tells weekdays apart, with weeks to spare
MAX_AUTO_STEPS = 60_000  # held in memory by each fit; five weeks of one minute are 50,400
# Of a window that is given: enough steps to learn from, not too many to hold in memory.
MIN_FIT_STEPS = 100
MAX_FIT_STEPS = 250_000


class FitWindowField(FieldType):
    """`auto`, or a duration of at least a minute."""

    valid = f"{AUTO}, or {DURATION_FORMAT}"

    def read(self, value: object) -> str | int:
        if value == AUTO:
            return AUTO
        try:
            return DurationField(MINUTE).read(value)
        except InvalidValue as refusal:
            valid = self.valid if refusal.valid == DURATION_FORMAT else refusal.valid
            raise InvalidValue(refusal.found, valid, refusal.nearest) from None

    def write(self, value: object) -> str:
        return AUTO if value == AUTO else DurationField().write(value)


def automatic_window(step: int) -> int:
    """The longest window of `auto`, in seconds: five weeks, within the bounds on steps."""
    steps = min(max(AUTO_SECONDS // step, MIN_FIT_STEPS), MAX_AUTO_STEPS)
    return steps * step
