"""What docs/alerting.md promises, minute by minute: the real Prometheus, the service, and the
shipped rules of Grafana evaluated by a model of its alerting."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from flask.testing import FlaskClient

from plugin.components import Components
from plugin.series import Labels, Series
from tests import faults
from tests.e2e import world
from tests.e2e.world import INCIDENT, NOW, STEP, VANISHED_FROM, Clock
from tests.grafana.alerting import Answer, Evaluator, Rule
from tests.servers import PrometheusServer

RULES = Path(__file__).parents[2] / "grafana" / "provisioning" / "alerting" / "bandwatch.yml"
END = INCIDENT.stop + 50
LOST = INCIDENT.start + 15  # step from which `lost`, in the middle of the incident, has no samples
# minutes: see docs/alerting.md
MISSING = 3
HOLD = 30
OUTAGE = 5
UNREACHABLE = 2
ANOMALY = "bandwatch-anomaly"
LOSS = "bandwatch-missing"
TOGETHER = "bandwatch-incident"
UNHEALTHY = "bandwatch-unhealthy"
DOWN = "bandwatch-unreachable"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """The small world, and `lost`, which has the incident of `shop` and vanishes in the middle of
    it."""
    series = world.series()
    shop = next(each for each in series if each.labels["service"] == "shop")
    there = shop.times < NOW + LOST * STEP
    lost = Series(
        Labels.of({**shop.labels, "service": "lost"}), shop.times[there], shop.values[there]
    )
    with PrometheusServer(tmp_path_factory.mktemp("alerting")).backfill([*series, lost]) as server:
        yield server


@dataclass
class Night:
    """A service, the minutes that pass, and what fired in each of them."""

    config: Any
    clock: Clock
    client: FlaskClient | None = None  # None = nobody answers
    scoring: bool = True
    rules: dict[str, Evaluator] = field(default_factory=dict)
    fired: dict[str, dict[int, set[str]]] = field(
        default_factory=dict
    )  # rule -> step -> services or watches

    @classmethod
    def begin(cls, config: Any, clock: Clock) -> Self:
        [group] = yaml.safe_load(RULES.read_text())["groups"]
        rules = {
            rule["uid"]: Evaluator(Rule.read(rule, group["interval"])) for rule in group["rules"]
        }
        return cls(config, clock, rules=rules, fired={uid: {} for uid in rules})

    @contextmanager
    def service(self) -> Iterator[Components]:
        """A process that lives for a while."""
        with world.process(self.config, self.clock) as parts:
            self.client = world.client(parts, self.clock)
            try:
                yield parts
            finally:
                self.client = None

    def minutes(self, parts: Components | None, until: int) -> Iterator[int]:
        """Minute by minute, up to and with the step: a tick of the service, then an evaluation of
        each rule."""
        while (step := int(self.clock() - NOW) // STEP + 1) <= until:
            self.clock.steps(1)
            if parts is not None:
                parts.watches["latency"].score.run()
            for uid, rule in self.rules.items():
                rule.ask(self.fetch, int(self.clock()))
                firing = [dict(labels) for labels in rule.firing()]
                self.fired[uid][step] = {
                    each.get("service", each.get("watch", "")) for each in firing
                }
            yield step

    def fetch(self, url: str) -> Answer:
        if self.client is None:
            return None
        answer = self.client.get(url)
        return answer.status_code, answer.text

    def rows(self, name: str) -> dict[str, float]:
        """One field of all series now, by service."""
        assert self.client is not None
        return {
            row["service"]: row[name]
            for row in self.client.get(f"/api/v1/alert?field={name}").get_json()
        }

    def steps(self, uid: str, who: str) -> list[int]:
        """When it fired."""
        return [step for step, firing in self.fired[uid].items() if who in firing]


def unbroken(steps: list[int]) -> bool:
    return steps == list(range(steps[0], steps[-1] + 1))


def test_an_incident_and_two_lost_series(
    prometheus: PrometheusServer, clock: Clock, folder: Path
) -> None:
    night = Night.begin(world.config(folder, prometheus.url), clock)
    with night.service() as parts:
        assert parts.watches["latency"].score.run()
        for step in night.minutes(parts, END):
            scores = night.rows("score")
            missing = night.rows("missing")
            assert ("gone" in scores) == (step < VANISHED_FROM - 1 + MISSING), (
                "it was normal: it may go"
            )
            assert missing["lost"] == (step >= LOST - 1 + MISSING) and not missing["shop"]
            if step == LOST - 1:
                held = scores["lost"]
            if LOST <= step < LOST - 1 + HOLD:
                assert scores["lost"] == held > 1, "its alarm is open: it is held"
            if step >= LOST - 1 + HOLD:
                assert scores["lost"] == 0
            assert all(
                set(night.rows(name)) == set(scores) for name in ("value", "lower", "upper", "time")
            )
    fired = night.steps(ANOMALY, "shop")
    assert fired[0] in INCIDENT[:3] and unbroken(fired), "one page, from its first minutes on"
    last_outside = fired[-1] - HOLD  # one of the last samples of the incident
    assert INCIDENT.stop - 5 <= last_outside <= INCIDENT.stop + 10
    assert night.steps(ANOMALY, "lost") == list(range(fired[0], LOST - 1 + HOLD))
    assert night.steps(LOSS, "lost") == list(range(LOST - 1 + MISSING, END + 1)), (
        "no minute in silence"
    )
    assert not any(
        night.steps(uid, who) for uid in (ANOMALY, LOSS) for who in ("gone", "quiet", "holes")
    )
    assert not any(firing for uid in (UNHEALTHY, DOWN) for firing in night.fired[uid].values())
    together = night.steps(TOGETHER, "latency")
    assert together[0] == fired[0] and unbroken(together), "both series are one incident"
    assert together[-1] == fired[-1] + 1, "it ends with the last of its alarms"


def test_a_loss_that_its_watch_wants_to_hear_of(
    prometheus: PrometheusServer, clock: Clock, folder: Path
) -> None:
    night = Night.begin(
        world.config(folder, prometheus.url, world.watch(missing_data="alert")), clock
    )
    vanished = VANISHED_FROM - 1 + MISSING
    with night.service() as parts:
        assert parts.watches["latency"].score.run()
        for step in night.minutes(parts, vanished + 5):
            assert night.rows("missing")["gone"] == (step >= vanished)
            assert 0 <= night.rows("score")["gone"] <= 1
    assert night.steps(LOSS, "gone") == list(range(vanished, vanished + 6))
    assert night.steps(ANOMALY, "gone") == []


def test_an_outage_of_prometheus_holds_everything(
    prometheus: PrometheusServer, clock: Clock, folder: Path
) -> None:
    begin = INCIDENT.start + 5
    end = INCIDENT.start + 5 + 12
    with faults.FaultProxy(prometheus.port) as proxy:
        night = Night.begin(world.config(folder, proxy.url), clock)
        with night.service() as parts:
            assert parts.watches["latency"].score.run()
            list(night.minutes(parts, begin))
            before = night.rows("score")
            proxy.refuse()
            for _ in night.minutes(parts, end):
                assert night.rows("score") == before
            proxy.listen()
            list(night.minutes(parts, INCIDENT.stop - 5))
            assert night.rows("score").keys() == before.keys()
    fired = night.steps(ANOMALY, "shop")
    assert unbroken(fired) and fired[-1] == INCIDENT.stop - 5, "neither resolved nor repeated"
    assert night.steps(UNHEALTHY, "latency") == list(range(begin + 1 + OUTAGE, end + 1))


def test_a_restart_resolves_nothing_and_repeats_nothing(
    prometheus: PrometheusServer, clock: Clock, folder: Path
) -> None:
    night = Night.begin(world.config(folder, prometheus.url), clock)
    down = INCIDENT.start + 5
    up = INCIDENT.start + 10
    with night.service() as parts:
        assert parts.watches["latency"].score.run()
        list(night.minutes(parts, down))
        before = {name: night.rows(name) for name in ("score", "value", "upper", "missing")}
    list(night.minutes(None, up))
    with night.service() as parts:
        assert {name: night.rows(name) for name in before} == before, (
            "as it was, before anything is scored"
        )
        list(night.minutes(None, up + 2))
        list(night.minutes(parts, INCIDENT.stop - 5))
    fired = night.steps(ANOMALY, "shop")
    assert unbroken(fired) and fired[-1] == INCIDENT.stop - 5
    assert night.steps(DOWN, "") == list(range(down + 1 + UNREACHABLE, up + 1))
    assert not night.steps(UNHEALTHY, "latency")
