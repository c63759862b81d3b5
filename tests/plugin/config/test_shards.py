"""A large watch in parts, each a watch of its own."""

from plugin.config import Config, parse

TEXT = """
prometheus: {url: http://localhost:9090}
watches:
  - name: cpu
    query: sum by (pod) (rate(cpu_seconds_total{mode="idle", $shard}[5m]))
    detector: lstm
    covariates: ["load1{$shard}"]
    unit: s
    shards:
      eu: '{region="eu", zone=~"a|b",}'
      rest: '{region!="eu"}'
  - {name: up, query: up}
maintenance:
  windows:
    - {name: upgrade, watch: [up, cpu], begin: 2026-12-01T02:00, duration: 1h}
    - {name: of-one, watch: [cpu-eu], begin: 2026-12-01T02:00, duration: 1h}
"""


def read(text: str) -> Config:
    return parse(text, file="x.yml", detectors=("auto", "lstm"))


def test_each_shard_is_a_watch_with_its_matchers() -> None:
    eu, rest, up = read(TEXT).watches
    assert [eu.name, rest.name, up.name] == ["cpu-eu", "cpu-rest", "up"]
    wanted = 'sum by (pod) (rate(cpu_seconds_total{mode="idle", region="eu", zone=~"a|b"}[5m]))'
    assert eu.query == wanted
    assert rest.covariates == ('load1{region!="eu"}',)
    assert eu.unit == rest.unit == "s"
    assert eu.shards == rest.shards == {}


def test_shards_share_incidents_and_maintenance() -> None:
    config = read(TEXT)
    assert [watch.group for watch in config.watches] == ["cpu", "cpu", "up"]
    upgrade, of_one = config.maintenance.windows
    assert upgrade.watch == ("up", "cpu-eu", "cpu-rest") and of_one.watch == ("cpu-eu",)
    named = read(TEXT.replace("    unit: s\n", "    incident_group: all\n"))
    assert [watch.group for watch in named.watches] == ["all", "all", "up"]


def test_a_shard_that_keeps_its_name_stays_the_same_watch() -> None:
    more = TEXT.replace("shards:\n", "shards:\n      us: '{region=\"us\"}'\n")
    assert read(TEXT).watches[0] in read(more).watches
