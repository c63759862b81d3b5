"""What is written: settings in use, the example, the page of the documentation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from plugin.config import Config, example, masked, parse
from plugin.config.model import Section

GOOD = (Path(__file__).parent / "testdata" / "good.yml").read_text()
PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
ENVIRONMENT = {
    name: f"{name}-value"
    for name in (
        "PROMETHEUS_TOKEN",
        "PROMETHEUS_PASSWORD",
        "BANDWATCH_TOKEN",
        "BANDWATCH_WRITE_TOKEN",
        "GRAFANA_PASSWORD",
        "DATABASE_PASSWORD",
        "TEAM",
        "SHIFT",
        "READ_TOKEN",
    )
} | {"MAX_SERIES": "9"}


def read(text: str) -> Config:
    return parse(
        text, file="bandwatch.yml", detectors=("auto", "lstm", "vae"), environment=ENVIRONMENT
    )


def test_a_masked_configuration_shows_everything_but_secrets() -> None:
    text = masked(read(GOOD))
    assert "READ_TOKEN-value" not in text and "pass word" not in text and '"12"' not in text
    data = yaml.safe_load(text)
    assert data["prometheus"]["headers"] == {"X-Scope-OrgID": "<secret>"}
    assert data["web"]["read_token"] == data["web"]["basic_auth"][0]["password"] == "<secret>"
    watch = data["watches"][0]
    assert (watch["step"], watch["alert_budget"], watch["persistence"]) == (
        "15s",
        "1/15d",
        "2 of 3",
    )
    assert watch["detector"] == {
        "name": "lstm",
        "hidden": 32,
        "rate": 0.01,
        "cell": "gru",
        "deep": True,
    }
    assert data["watches"][1]["valid_range"] == [None, 1000.0]


def test_a_masked_configuration_is_a_configuration() -> None:
    config = read(GOOD)
    again = read(masked(config).replace("${literal}", "$${literal}"))
    assert (
        again.watches == config.watches
        and again.store == config.store
        and again.workers == config.workers
    )
    assert masked(again) == masked(config)


def test_a_watch_without_the_holidays_of_the_others_stays_without() -> None:
    config = read(
        "prometheus: {url: http://localhost}\ncalendar: {country: DE}\n"
        "watches: [{name: a, query: up}, {name: b, query: up, calendar: null}]"
    )
    again = read(masked(config))
    assert [watch.calendar for watch in again.watches] == [config.calendar, None]


def test_no_secret_is_in_a_repr() -> None:
    assert "READ_TOKEN-value" not in repr(read(GOOD)) and "pass word" not in str(read(GOOD))


def test_credentials_in_a_url_are_masked() -> None:
    config = read(GOOD)
    given = config.prometheus.model_copy(update={"url": "http://me:hunter2@host:1/x"})
    assert (
        yaml.safe_load(masked(config.model_copy(update={"prometheus": given})))["prometheus"]["url"]
        == "http://host:1/x"
    )


def test_a_query_in_a_url_is_masked_as_it_may_hold_a_token() -> None:
    config = read(GOOD)
    assert config.remote_write is not None
    url = "http://host:1/api/v1/write?token=hunter2"
    given = config.remote_write.model_copy(update={"url": url})
    text = masked(config.model_copy(update={"remote_write": given}))
    assert yaml.safe_load(text)["remote_write"]["url"] == "http://host:1/api/v1/write?<secret>"


def sections(
    section: type[Section] = Config, name: str = ""
) -> Iterator[tuple[str, type[Section]]]:
    """Every section with the block of the file that it belongs to."""
    for field_name, field in section.model_fields.items():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, Section):
                yield name or field_name, inner
                yield from sections(inner, name or field_name)


def settings() -> Iterator[tuple[str, str, str | None]]:
    """(block, name, default as the file spells it or None) of every setting that has a value of its
    own."""
    for block, section in sections():
        given = {
            name: _some(name) for name, field in section.model_fields.items() if field.is_required()
        }
        defaults = section.model_validate(given).model_dump(mode="json")
        for name, field in section.model_fields.items():
            if name != "detector_options":
                default = defaults[name]
                plain = not field.is_required() and default not in (None, {}, [], "")
                yield block, name, _spelt(default) if plain else None


def _some(name: str) -> str:
    return {"url": "http://localhost/write", "country": "DE"}.get(name, "x")


def _spelt(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


@pytest.mark.parametrize(("block", "name", "default"), tuple(settings()))
def test_every_setting_is_in_the_example_with_its_default(
    block: str, name: str, default: str | None
) -> None:
    within = re.split(rf"^{block}:$", example(), flags=re.MULTILINE)[1]
    within = re.split(r"^\w+:$", within, flags=re.MULTILINE)[0]
    assert re.search(rf"^ *#? *(?:- )?{name}:", within, re.MULTILINE)
    if default is not None:
        assert re.search(rf"^ *# *{name}: {re.escape(default)}$", within, re.MULTILINE)


@pytest.mark.parametrize(("block", "name", "default"), tuple(settings()))
def test_every_setting_is_in_the_documentation_with_its_default(
    block: str, name: str, default: str | None
) -> None:
    within = PAGE.split(f"## `{block}`")[1].split("\n## ")[0]
    value = rf".*\| default = {re.escape(default)} \]" if default is not None else ""
    assert re.search(rf"^ *(?:\[ )?(?:- )?{name}:{value}", within, re.MULTILINE)


def test_the_example_is_valid_as_it_stands() -> None:
    config = read(example())
    assert [watch.name for watch in config.watches] == ["samples", "scrapes"]
    assert config.store == Config.model_fields["store"].default


def commented_blocks() -> list[str]:
    """The parts of the example that a reader would uncomment together."""
    return re.findall(r"(?:^ *#\w.*\n)(?:^ *#  .*\n)*", example(), re.MULTILINE)


@pytest.mark.parametrize("block", commented_blocks(), ids=lambda block: block.strip().split(":")[0])
def test_every_comment_of_the_example_may_be_uncommented(block: str) -> None:
    lines = [
        line
        for line in block.splitlines(keepends=True)
        if not ("password:" in line and "_file" in block)
    ]
    text = (
        example()
        .replace(block, "".join(lines).replace("#", "", len(lines)))
        .replace("#url:", "url:")
        .replace("#country:", "country:")
    )
    if "cert_file" in block or "key_file" in block or "ca_file" in block:
        text = (
            text.replace("#cert_file", "cert_file")
            .replace("#key_file", "key_file")
            .replace("http:", "https:")
        )
    if "shards:" in block:
        text = text.replace("samples_appended_total[", "samples_appended_total{$shard}[")
    assert read(text).watches[0].name.startswith("samples")


def test_there_is_something_to_uncomment() -> None:
    assert len(commented_blocks()) >= 35
