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
    us = "      us: '{region=\"us\"}'\n"
    later = TEXT.replace("      rest:", f"{us}      rest:")
    before = read(TEXT).watches[0]
    assert before in read(later).watches
    earlier = TEXT.replace("shards:\n", f"shards:\n{us}")
    [moved] = [watch for watch in read(earlier).watches if watch.name == "cpu-eu"]
    assert moved != before, "it leaves series to the new one"
    assert moved.model_dump() == before.model_dump()


def test_a_shard_knows_those_before_it() -> None:
    eu, rest, up = read(TEXT).watches
    assert eu.shard is not None and rest.shard is not None and up.shard is None
    assert eu.shard.earlier == ()
    assert rest.shard.earlier == ('{region="eu", zone=~"a|b",}',)
    whole = 'sum by (pod) (rate(cpu_seconds_total{mode="idle", bandwatch_shard=""}[5m]))'
    assert rest.shard == ("cpu", rest.shard.earlier, whole)
    assert eu.model_copy(update={"unit": "s"}).shard == eu.shard, "copies stay shards"
