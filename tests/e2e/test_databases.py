"""The loop on PostgreSQL: the same rows, bands, alarms, incidents and answers as on SQLite, one by
one, though the service is restarted and PostgreSQL is killed."""

from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from plugin.components import Components
from plugin.config import Config, StoreSettings
from tests.e2e.world import INCIDENT, NOW, VANISHED_FROM, Clock, client, config, process, watch
from tests.postgres import PostgresServer
from tests.servers import PrometheusServer

RESTART = VANISHED_FROM + 2  # step after which the service starts anew
KILLED = range(INCIDENT.start + 5, INCIDENT.start + 8)  # steps at which PostgreSQL is down
END = INCIDENT.stop + 20
COLUMNS = ("times", "value", "expected", "lower", "upper", "score", "model_version")


def lived(settings: Config, server: PostgresServer | None) -> dict[str, Any]:
    """What people and Prometheus see, and what is stored; server: is killed for a while."""
    clock = Clock()
    pages: list[Any] = []
    with process(settings, clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run(everyone=True) == 4
        for _ in range(RESTART):
            pages.append(tick(made, clock, well=True))
    with process(settings, clock) as made:
        for step in range(RESTART, END):
            if server and step == KILLED.start:
                server.stop(kill=True)
            if server and step == KILLED.stop:
                server.start()
            # Both catch up alike: the scores of these steps come later.
            well = step not in KILLED
            pages.append(tick(made, clock, well=well) if well or server else clock.steps(1))
        return {"pages": [page for page in pages if page], **kept(made, clock)}


def tick(made: Components, clock: Clock, *, well: bool) -> Any:
    """One step. Returns the alerts that Prometheus and Grafana would see; None = not well."""
    clock.steps(1)
    assert made.watches["latency"].score.run() == well
    return get(made, clock, "/api/v1/alert") if well else None


def get(made: Components, clock: Clock, path: str) -> Any:
    answer = client(made, clock).get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def kept(made: Components, clock: Clock) -> dict[str, Any]:
    ids = {record.labels["service"]: record.id for record in made.store.series.of("latency")}
    rows = {name: made.store.samples.of(id, 0, NOW + 10**9) for name, id in ids.items()}
    return {
        "rows": {
            name: [getattr(samples, column) for column in COLUMNS] for name, samples in rows.items()
        },
        "alarms": made.store.alarms.between(0, NOW + 10**6),
        "incidents": get(
            made, clock, f"/api/v1/incidents?from={(NOW - 600) * 1000}&to={(NOW + 10**6) * 1000}"
        ),
        "bands": get(made, clock, f"/api/v1/bands?from={(NOW - 600) * 1000}&to={NOW * 1000}"),
        "champions": [astuple(champion)[:5] for champion in made.store.models.champions("latency")],
    }


def test_the_loop_is_the_same_on_both_databases(
    small_world: PrometheusServer, tmp_path: Path
) -> None:
    watched = watch(missing_data="alert")
    sqlite = config(tmp_path / "sqlite", small_world.url, watched)
    with PostgresServer() as server:
        place = server.new_database()
        store = StoreSettings.model_validate(
            {"path": str(tmp_path / "pg"), "url": place.url, "password": place.password}
        )
        found = lived(sqlite.model_copy(update={"store": store}), server)
    wanted = lived(sqlite, None)
    assert wanted["alarms"] and wanted["incidents"], "the night had something to see"
    for name, columns in wanted.pop("rows").items():
        for ours, theirs in zip(columns, found["rows"][name], strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
    del found["rows"]
    for part in wanted:
        assert found[part] == wanted[part], part
