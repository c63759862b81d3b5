"""What the level of a series may do: wander near its anchor, and go to another place when that is a new regime."""

from dataclasses import dataclass

import numpy as np

from detectors.api import Arrays, BoolArray, FloatArray, IntArray

BLOCK_SECONDS = 3 * 3600  # over which a level is a constant; an anchor of less does not hold yet
ANCHOR_SECONDS = 48 * 3600  # time constant of the anchor
REGIME_SECONDS = 3600  # time constant of where samples lie now, trusted or not
LEAST_STEPS = 12  # that its mean, and that of their course, span
ACCEPT_SECONDS = 12 * 3600  # away on one side for so long is a new regime
COURSE_SECONDS, STILL = 6 * 3600, 1 / 3  # time constant of where they lay before; the share of a leash that is no move
FORGIVEN = 2.0  # a trusted sample takes back so many steps of that time
REGIME = ("regime", "course", "away", "since", "accepted")  # what is carried of a new level, see Regime


def share(seconds: int, step: int, steps: int = 0) -> float:
    """What a new sample counts for in a mean with that time constant, which spans at least so many steps."""
    return float(1 - np.exp(-step / max(seconds, steps * step)))


class Anchor:
    """Where the level has been in the last days, and how far from there it may be."""

    def __init__(self, place: FloatArray, seen: FloatArray, leash: FloatArray, step: int) -> None:
        self.place = place  # [S] mean of the level
        self.seen = seen  # [S] trusted samples that it is made of
        self._leash, self._share, self._least = leash, share(ANCHOR_SECONDS, step), BLOCK_SECONDS / step
        self._young = self._not_grown()

    def _not_grown(self) -> bool:
        """Whether any anchor is the mean of all that has been seen yet."""
        return bool((self.seen * self._share < 1).any())

    def hold(self, level: FloatArray, trusted: BoolArray) -> tuple[FloatArray, BoolArray]:
        """[S] the level, held, and where that strains the leash. The anchor goes after levels that do not."""
        reach = np.where(self.seen > self._least, self._leash, np.inf) if self._young else self._leash
        off = level - self.place
        strained = np.abs(off) >= reach
        calm = trusted
        if strained.any():
            calm = trusted & ~strained
            level = np.where(strained, self.place + np.sign(off) * reach, level)
        if self._young:
            self.seen = self.seen + calm
            self.place = self.place + calm * np.maximum(self._share, 1 / np.maximum(self.seen, 1)) * off
            self._young = self._not_grown()
        else:
            self.place = self.place + calm * (self._share * off)
        return level, strained

    def move(self, level: FloatArray, rows: BoolArray) -> None:
        """To a level that has been accepted."""
        self.place = np.where(rows, level, self.place)


class Regime:
    """Where samples lie that are away, and for how long: a new level, once it has lasted or someone says so.

    Away is beyond the gate, or where the level may not follow.
    """

    def __init__(self, place: FloatArray, course: FloatArray, away: FloatArray, since: FloatArray, accepted: FloatArray,
                 leash: FloatArray, step: int) -> None:
        self.place = place  # [S] mean of the distance from the profile since samples went away
        self.course = course  # [S] the same over a longer time: behind a place that moves
        self.away = away  # [S] steps, signed, that they have been away on one side
        self.since = since  # [S] unix seconds of the first of them, or of those that were last; 0 = none yet
        self.accepted = accepted  # [S] unix seconds of the sample with which the last new level was accepted; 0 = none
        self._leash = leash
        self._share = share(REGIME_SECONDS, step, LEAST_STEPS)
        self._slowly = share(COURSE_SECONDS, step, LEAST_STEPS)
        self._patience = ACCEPT_SECONDS / step
        self._most = self._patience + 1  # what has lasted for longer is forgiven as soon
        self._open = bool(away.any())

    def concerns(self, away: BoolArray) -> bool:
        """Whether any series is away, or was."""
        return self._open or bool(away.any())

    def settle(self, level: FloatArray, distance: FloatArray, residual: FloatArray, beyond: BoolArray,
               usable: BoolArray, time: int, settled: BoolArray | None) -> tuple[FloatArray, BoolArray | None]:
        """[S] the level after a sample at `distance` from the profile: the new one where it has been accepted; and
        where that is, None = nowhere. What still moves by more than levels do is not accepted by the rule.

        beyond: [S] True = it is away. time: unix seconds of the sample. settled: [S] True = someone accepts it now;
        None = nowhere.
        """
        begins = self.away == 0  # the means begin where the first one is
        self.place = self.place + usable * np.where(begins, beyond, self._share) * (distance - self.place)
        self.course = self.course + usable * np.where(begins, beyond, self._slowly) * (distance - self.course)
        back = np.minimum(np.maximum(self.away, -FORGIVEN), FORGIVEN)
        before = self.away
        self.away = np.clip(before + usable * np.where(beyond, np.sign(residual), -back), -self._most, self._most)
        self.since = np.where((self.away != 0) & (np.sign(before) != np.sign(self.away)), time, self.since)
        far = np.abs(self.away)
        self._open = bool(far.any())
        if far.max(initial=0.0) <= self._patience and settled is None:
            return level, None
        accepted = usable & beyond & (far > self._patience) & (np.abs(self.place - self.course) <= STILL * self._leash)
        if settled is not None:
            accepted |= settled & (far > 0)
        if not accepted.any():
            return level, None
        self.away = np.where(accepted, 0.0, self.away)
        self.accepted = np.where(accepted, time, self.accepted)
        return np.where(accepted, self.place, level), accepted


@dataclass(frozen=True)
class Settling:
    """What a carry tells of new levels; all [S] unix seconds."""

    since: IntArray  # of the first sample that lies away, or of the first of those that were last; 0 = none yet
    due: IntArray  # of the sample with which the level is accepted if all stay there from now on; 0 = none lie away
    accepted: IntArray  # of the sample with which the last one was accepted; 0 = none yet


def settling(carry: Arrays, time: int, step: int) -> Settling | None:
    """New levels as of `time`, the last sample seen; None for a detector that carries nothing of the kind."""
    if not set(REGIME) <= carry.keys():
        return None
    steps = np.maximum(np.floor(ACCEPT_SECONDS / step - np.abs(carry["away"])), 0) + 1
    due = np.where(carry["away"] != 0, time + steps * step, 0)
    return Settling(*(np.asarray(each, np.int64) for each in (carry["since"], due, carry["accepted"])))
