"""Who takes over and who does not: challengers that are as good, and challengers that are made
worse on purpose."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.api import Arrays, FittedDetector, SeriesBatch
from detectors.baseline import Baseline
from detectors.fitted import Fitted
from detectors.registry import detector_named, to_spec
from plugin.config import Watch, WorkerSettings
from plugin.domain.intervals import Interval
from plugin.domain.times import DAY
from plugin.jobs.contest import Challengers, Contest
from plugin.jobs.gate import MAX_REFUSED_REFITS, GateResult, judge
from plugin.jobs.replay import chance_limit, count_runs
from plugin.jobs.task_builder import TaskBuilder
from plugin.jobs.weights_file import weights_of
from plugin.series import Labels
from plugin.store import ModelRecord, Store

STEP = 60
DAYS = 6
START = 1_760_054_400  # midnight in UTC
NOW = START + DAYS * DAY
BUDGET = 1 / (7 * DAY)
SPEC = to_spec(Baseline())
WATCH = Watch(name="w", query="x", detector="baseline", fit_every=DAY, alert_budget=BUDGET)
SPIKE = slice(4 * 1440, 4 * 1440 + 30)  # an incident that the series alarmed in


def batch(rows: int = 2, days: int = DAYS) -> SeriesBatch:
    """A daily shape with noise and an incident on the fifth day."""
    rng = np.random.default_rng(0)
    times = START + STEP * np.arange(days * 1440)
    values = 100 + 20 * np.sin(2 * np.pi * times / DAY) + rng.normal(size=(rows, len(times)))
    values[:, SPIKE] += 40
    alarmed = np.zeros(values.shape, bool)
    alarmed[:, SPIKE] = True
    return SeriesBatch(values, np.ones(values.shape, bool), START, STEP, alarmed=alarmed)


class World:
    """Two series whose champions have learnt from all but the last day, and challengers to them."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder)
        self.batch = batch()
        self.ids = [
            record.id
            for record in self.store.series.register(
                "w", [Labels.of({"n": n}) for n in "ab"], START
            )
        ]
        before = self.batch.steps(0, (DAYS - 1) * 1440)
        version = self.store.models.new_version("w")
        path = self.store.weights.write(
            version, weights_of(Baseline().fit(before, alert_budget=BUDGET))
        )
        self.champions = {
            series: ModelRecord(
                series,
                version,
                row,
                "baseline",
                SPEC,
                path,
                0.1,
                NOW - DAY,
                START,
                NOW - DAY - STEP,
            )
            for row, series in enumerate(self.ids)
        }
        self.equal = Baseline().fit(self.batch, alert_budget=BUDGET)

    def judge(
        self,
        challenger: FittedDetector | None = None,
        *,
        spec: str = SPEC,
        watch: Watch = WATCH,
        real: tuple[tuple[int, int, int], ...] = (),
        champions: dict[int, ModelRecord] | None = None,
        seen: SeriesBatch | None = None,
    ) -> list[GateResult]:
        contest = Contest(
            watch,
            NOW,
            self.champions if champions is None else champions,
            real=tuple(Interval(*incident) for incident in real),
        )
        challengers = Challengers(
            spec, tuple(self.ids), seen or self.batch, challenger or self.equal
        )
        builder = TaskBuilder(watch, self.store, WorkerSettings())
        return judge(builder.with_weights(contest, spec), challengers)

    def spoilt(self, change: Callable[[dict[str, np.ndarray]], Arrays]) -> FittedDetector:
        """The equal challenger, the state of its first row changed; like any that is restored,
        without recent bands."""
        state = {name: np.array(array) for name, array in self.equal.state.items()}
        return Baseline().restore({**state, **change(state)})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Of all tests: a judgement changes nothing."""
    made = World(tmp_path_factory.mktemp("gate"))
    yield made
    made.store.close()


def first(array: np.ndarray, factor: float) -> np.ndarray:
    array[0] *= factor
    return array


def test_one_that_is_as_good_takes_over_and_the_numbers_are_told(world: World) -> None:
    for verdict in world.judge():
        assert verdict.promoted and verdict.reason == ""
        assert (
            "held-out loss" in verdict.why and "alarm" in verdict.why and "promised" in verdict.why
        )


def test_recent_bands_spare_a_walk_and_change_nothing(world: World) -> None:
    """A refit has walked through the last days alone; its verdict is that of one who walks
    again."""
    refit = Baseline().fit(world.batch, world.equal.state, alert_budget=BUDGET)
    assert isinstance(refit, Fitted) and refit.recent_bands is not None
    walked = refit.recent_bands.expected.shape[1]
    assert walked == 4 * 1440
    late = world.batch.steps(world.batch.shape[1] - walked, world.batch.shape[1])
    # A cold walk starts at the level of the last days, that of a fit at the level of its first.
    apart = np.abs(refit.score(late).band.upper - refit.recent_bands.upper)
    width = refit.recent_bands.upper - refit.recent_bands.lower
    assert (apart <= 0.02 * width).all() and (apart[:, 1440:] > 0).mean() < 0.05
    assert all(verdict.promoted for verdict in world.judge(refit))


def test_a_champion_older_than_a_short_window_is_compared_on_the_same_columns(world: World) -> None:
    """As a pinned one is: the window is shorter than twice what forecasts are compared on."""
    steps = world.batch.shape[1]
    short = world.batch.steps(steps - 2_160, steps)
    window_ends = (short.start - 300 * STEP, short.start - 30 * DAY)  # the second one starts cold
    verdicts = [
        world.judge(
            Baseline().restore(world.equal.state),
            seen=short,
            champions={
                series: replace(model, window_end=end, pinned=True)
                for series, model in world.champions.items()
            },
        )
        for end in window_ends
    ]
    assert verdicts[0] == verdicts[1]
    for verdict in verdicts[0]:
        assert "held-out loss" in verdict.why and verdict.reason == "pinned"


def test_worse_forecasts_are_refused(world: World) -> None:
    worse, other = world.judge(
        world.spoilt(lambda state: {"profile": first(state["profile"], -1.0)})
    )
    assert (worse.promoted, worse.reason) == (False, "loss") and other.promoted


def test_an_alarm_too_many_is_refused_when_the_budget_does_not_explain_it(world: World) -> None:
    nervous = world.spoilt(lambda state: {"reach": first(state["reach"], 0.35)})
    worse, other = world.judge(nervous)
    assert (worse.promoted, worse.reason) == (False, "alarms") and other.promoted
    generous = WATCH.model_copy(update={"alert_budget": 1 / 600})
    assert world.judge(nervous, watch=generous)[0].promoted, "that is what was ordered"
    assert world.judge(nervous, watch=WATCH.model_copy(update={"min_deviation": 30.0}))[
        0
    ].promoted, "none would be told"


def test_a_series_that_alarmed_as_often_excuses_it(world: World) -> None:
    alarmed = world.batch.alarmed.copy()
    alarmed[0, ::40] = True
    seen = replace(world.batch, alarmed=alarmed)
    assert world.judge(
        world.spoilt(lambda state: {"reach": first(state["reach"], 0.35)}), seen=seen
    )[0].promoted


def test_whoever_is_blind_to_a_real_incident_is_refused(world: World) -> None:
    blind = world.spoilt(
        lambda state: {
            "reach": first(state["reach"], 50.0),
            "lasting": first(state["lasting"], 50.0),
            "long_mean_limit": first(state["long_mean_limit"], 50.0),
        }
    )
    begin = START + SPIKE.start * STEP
    end = START + SPIKE.stop * STEP
    assert world.judge(blind)[0].promoted, "nobody has said that it was real"
    verdict, other = world.judge(blind, real=tuple((series, begin, end) for series in world.ids))
    assert (verdict.promoted, verdict.reason) == (False, "blind") and other.promoted
    assert f"from {begin} to {end}" in verdict.why
    quiet = replace(world.batch, alarmed=np.zeros_like(world.batch.alarmed))
    assert world.judge(blind, real=((world.ids[0], begin, end),), seen=quiet)[0].promoted, (
        "the champion was blind, too"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"spec": to_spec(detector_named("lstm", {}))},
        {"since": NOW - MAX_REFUSED_REFITS * DAY - 1},
        {"path": Path("gone")},
    ],
)
def test_a_champion_that_cannot_reign_loses_to_anyone(
    world: World, change: dict[str, object]
) -> None:
    bad = world.spoilt(lambda state: {"profile": first(state["profile"], -1.0)})
    assert not world.judge(bad)[0].promoted
    champions = {series: replace(model, **change) for series, model in world.champions.items()}  # type: ignore[arg-type]
    verdict = world.judge(bad, champions=champions)[0]
    assert verdict.promoted and verdict.why.startswith("takes over")


def test_of_a_pinned_champion_it_is_told_what_would_have_been(world: World) -> None:
    pinned = {series: replace(model, pinned=True) for series, model in world.champions.items()}
    for verdict in world.judge(champions=pinned):
        assert (verdict.promoted, verdict.reason) == (False, "pinned")
        assert "is pinned; the new one would have taken over: held-out loss" in verdict.why


def test_the_first_model_needs_no_comparison(world: World) -> None:
    assert world.judge(champions={})[0] == GateResult(True, "the first model of the series")


def test_alarms_are_counted_as_elsewhere() -> None:
    flags = np.zeros((3, 80), bool)
    flags[0, [3, 33, 70]] = True  # 29 samples inside are bridged
    flags[2, [3, 34]] = True
    assert count_runs(flags, 60).tolist() == [2, 0, 2]
    assert count_runs(flags, 300).tolist() == [3, 0, 2]


@pytest.mark.parametrize(("promised", "limit"), [(0.0, 0), (0.43, 2), (2.0, 5), (20.0, 30)])
def test_chance_explains_so_many(promised: float, limit: int) -> None:
    term = np.exp(-promised)
    beyond = 1.0
    for number in range(limit + 1):
        beyond -= term
        term *= promised / (number + 1)
        assert (beyond < 0.02) == (number == limit)
    assert chance_limit(promised) == limit


def test_chance_has_a_limit_for_very_noisy_series() -> None:
    assert 2_050 < chance_limit(2_000.0) < 2_150  # exp(-2000) is 0 as a float
