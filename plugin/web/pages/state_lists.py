"""The series that are neither well nor in an incident, in words: learning, missing, recovering.
Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from plugin.board import Snapshot
from plugin.domain.learning import learning_end
from plugin.domain.wording import learning, new_level
from plugin.series import BoolArray, SeriesRecord, SeriesState
from plugin.web.pages.elapsed_time import elapsed

MAX_NAMES = 8  # series that one list names
MIN_LEVEL_SECONDS = 30 * 60  # away, after which a series is said to be at a new level

Words = Callable[[Snapshot, int], str]  # about one row of a snapshot


@dataclass(frozen=True)
class SeriesNote:
    """One series, and what is to be said of it."""

    record: SeriesRecord
    words: str


@dataclass(frozen=True)
class StateList:
    """The series in one state."""

    title: str
    meaning: str  # what the state means for who is on call
    count: int
    notes: Sequence[SeriesNote]  # of the first
    state: str = ""  # by which /series filters; "" = it has no such filter

    @property
    def remainder(self) -> int:
        """How many series are not named."""
        return self.count - len(self.notes)


def state_lists(snapshots: Sequence[Snapshot], now: int) -> Iterator[StateList]:
    """A list for each state that some series is in. now: unix seconds."""
    lists = (
        _state_list(
            snapshots,
            ("Missing", "Samples have stopped.", SeriesState.MISSING.value),
            lambda snapshot: snapshot.reported_missing,
            lambda snapshot, row: _absence(snapshot, row, now),
        ),
        _state_list(
            snapshots,
            ("Recovering", "Inside the band again; the alarm ends if it stays.", ""),
            _recovering,
            lambda snapshot, row: "inside its band again",
        ),
        _state_list(
            snapshots,
            ("At a new level", "It is accepted as normal if it stays.", ""),
            lambda snapshot: _shifted(snapshot, now),
            lambda snapshot, row: _level(snapshot, row, now),
        ),
        _state_list(
            snapshots,
            ("Learning", "The band is provisional, and nothing alerts.", "learning"),
            lambda snapshot: snapshot.learning,
            lambda snapshot, row: _lesson(snapshot, row, now),
        ),
    )
    return (listing for listing in lists if listing.count)


def _state_list(
    snapshots: Sequence[Snapshot],
    heading: tuple[str, str, str],
    mask: Callable[[Snapshot], BoolArray],
    words: Words,
) -> StateList:
    """heading: title, meaning and state. mask: [S] True for the series in the state."""
    title, meaning, state = heading
    rows = [(snapshot, row) for snapshot in snapshots for row in np.flatnonzero(mask(snapshot))]
    notes = [
        SeriesNote(snapshot.series[row], words(snapshot, int(row)))
        for snapshot, row in rows[:MAX_NAMES]
    ]
    return StateList(title, meaning, len(rows), notes, state)


def _recovering(snapshot: Snapshot) -> BoolArray:
    """[S] with an open alarm, and inside the band at the latest sample."""
    recovering: BoolArray = (snapshot.alert_score > 1) & snapshot.inside
    return recovering


def _shifted(snapshot: Snapshot, now: int) -> BoolArray:
    """[S] at another level than its model expects, for longer than a spike lasts."""
    lasting = {
        number
        for number, shift in snapshot.shifts.items()
        if now - shift.since >= MIN_LEVEL_SECONDS
    }
    return np.array([record.id in lasting for record in snapshot.series], bool)


def _absence(snapshot: Snapshot, row: int, now: int) -> str:
    time = int(snapshot.times[row])
    return f"no sample for {elapsed(time, now)}" if time else "no sample yet"


def _level(snapshot: Snapshot, row: int, now: int) -> str:
    shift = snapshot.shifts[snapshot.series[row].id]
    return new_level(shift.since, shift.due, now)


def _lesson(snapshot: Snapshot, row: int, now: int) -> str:
    end = learning_end(snapshot.series[row].first_seen, snapshot.settings.learn_for)
    return learning(end, now)
