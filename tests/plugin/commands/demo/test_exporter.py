"""The exporter speaks the text format that Prometheus reads."""

import urllib.error
import urllib.request

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from plugin.commands.demo.exporter import exposition, serve_exporter
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.world import World

NOW = 1_795_316_400


def test_the_text_parses_and_holds_what_the_world_says() -> None:
    world = World(1, NOW)
    families = list(text_string_to_metric_families(exposition(world, NOW + 3)))
    assert {family.type for family in families} == {"gauge", "counter"}
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    assert len(found) == 30
    for source in world.sources:
        value = world.values(source, np.array([NOW + 3]))[0]
        assert found[source.metric, frozenset(source.labels.items())] == value


def test_a_vanished_series_has_no_line() -> None:
    world = World(1, NOW)
    world.add(ScriptedIncident("exchange rate EUR/USD", "vanishing series", 0.0, NOW, NOW + 60))
    assert "\nshop_exchange_rate" not in exposition(world, NOW)
    assert "\nshop_exchange_rate" in exposition(world, NOW + 60)


def test_it_is_served_on_loopback() -> None:
    world = World(1, NOW)
    server = serve_exporter(world, clock=lambda: NOW + 0.7)
    try:
        with urllib.request.urlopen(f"{server.url}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert answer.read().decode() == exposition(world, NOW)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server.url}/")
        assert refused.value.code == 404
        refused.value.close()
    finally:
        server.close()
