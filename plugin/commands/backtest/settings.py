"""The settings of a backtest, held to the rules of a configuration file."""

from collections.abc import Sequence

from plugin.commands.backtest.recording import Recording
from plugin.commands.backtest.source import ALARMS_FILE
from plugin.config import StoreSettings, Watch, format_duration
from plugin.config.conflicts import Conflict
from plugin.config.durations import MAX_SECONDS
from plugin.config.watch_constraints import check_calendar, check_watch
from plugin.errors import ConfigError

FLAGS = {
    "alert_budget": "--alert-budget",
    "fit_every": "--refit-every",
    "fit_window": "--fit-window",
    "step": "--step",
    "subdivision": "--subdivision",
}
KEEPS_ALL = StoreSettings(retention=MAX_SECONDS)  # a recording is there as long as its file
MAX_NAMES = 5  # in an error


def check_settings(watch: Watch, recordings: Sequence[Recording]) -> None:
    """Raises ConfigError with a line for each setting that a configuration file would refuse of a
    watch with the step of any recording, and for a series that has the name of the list of
    alarms."""
    calendar = watch.calendar
    problems = [] if calendar is None else [*map(_line, check_calendar((), calendar))]
    for step in sorted({recording.step for recording in recordings}):
        names = [recording.name for recording in recordings if recording.step == step]
        location = f" (one sample every {format_duration(step)}: {_some(names)})"
        conflicts = check_watch((), watch.model_copy(update={"step": step}), KEEPS_ALL)
        problems += [_line(conflict) + location for conflict in conflicts]
    if any(f"{recording.name}.csv" == ALARMS_FILE for recording in recordings):
        problems.append(f"{ALARMS_FILE}: a backtest writes its alarms under this name: rename it")
    if problems:
        raise ConfigError("\n".join(problems))


def _line(conflict: Conflict) -> str:
    """`--fit-window: found ...; valid is ...`."""
    name = str(conflict.reads[0][-1])
    return f"{FLAGS.get(name, name)}: {conflict.refusal}"


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + rest
