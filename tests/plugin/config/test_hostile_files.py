"""Files that were made to break the reader: refused with their line, soon, in a short message."""

import time
from pathlib import Path

import pytest

from plugin.config import load, parse
from plugin.errors import ConfigError

MINIMAL = "prometheus: {url: http://localhost:9090}\nwatches:\n  - {name: up, query: up%s}\n"
SECRET = "hunter2-hunter2"


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(text, file="x.yml", detectors=("auto", "lstm"), environment={"T": SECRET})
    return str(refused.value)


def seconds(text: str) -> float:
    start = time.process_time()
    refusal(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        (r'unit: "\U00110000"', "broken YAML (a number or an escape that is too large)"),
        (r'unit: "\UFFFFFFFF"', "broken YAML (a number or an escape that is too large)"),
        (r'unit: "\ud800"', "watches[0].unit: found text with the character U+D800"),
        (r'labels: {"\ud800": a}', r"watches[0].labels.\ud800: found text with the character"),
        (r'labels: {a: "\ud800"}', "watches[0].labels.a: found text with the character U+D800"),
        (r'detector: {name: lstm, "\udfff": 1}', r"watches[0].detector.\udfff: found text"),
        (r'unit: "a\0b"', "watches[0].unit: found text with the character U+0000"),
        ('unit: "a\u202eb"', "watches[0].unit: found text with the character U+202E"),
        ("max_series: !!int " + "9" * 400, "max_series: found a YAML tag that its value does not"),
        ("max_series: !!int " + "9" * 9000, "max_series: found a YAML tag that its value does not"),
        ("paused: !!bool nope", "paused: found a YAML tag that its value does not fit"),
        ("unit: !!null x", "unit: found a YAML tag that its value does not fit"),
        ("max_series: " + "9" * 400, 'max_series: found "99999'),
        ("step: " + "9" * 9000 + "s", 'step: found "99999'),
        ("persistence: [" + "9" * 9000 + ", 1]", "persistence: found a list"),
    ],
)
def test_what_no_text_and_no_number_may_hold_is_refused_with_its_line(
    setting: str, place: str
) -> None:
    message = refusal(MINIMAL % f", {setting}")
    assert message.startswith("x.yml:3: ") and place in message
    assert message.isprintable() and len(message) < 400


def test_a_version_of_yaml_that_is_no_number() -> None:
    assert "too large" in refusal(f"%YAML {'1' * 5000}.1\n---\n" + MINIMAL % "")


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\u00ad", "\x85", "\ue000"])
def test_a_message_shows_characters_that_do_not_print_as_escapes(character: str) -> None:
    message = refusal(MINIMAL % f", 'a{character}b': 1, step: 'a{character}b'")
    assert character not in message and all(line.isprintable() for line in message.splitlines())


@pytest.mark.parametrize(
    "setting",
    [
        'valid_range: [0, "${T}"]',
        'detector: "${T}"',
        'detector: {name: "${T}", hidden: 3}',
        "detector: lstm, covariates: ['${T}', '${T}']",
        'group_by: ["${T}", "${T}"]',
        'persistence: ["${T}", 2]',
        'labels: {a: ["${T}"]}',
        'calendar: {country: DE, subdivision: "${T}"}',
    ],
)
def test_a_value_of_the_environment_is_in_no_message(setting: str) -> None:
    message = refusal(MINIMAL % f", {setting}")
    assert SECRET not in message
    assert message.count("\n") == 0


@pytest.mark.parametrize(
    "rest",
    [
        "  - {name: '${T}', query: up}\n  - {name: '${T}', query: up}\n",
        "  - {name: '${T}', query: up}\nmaintenance: {windows: [{name: a, watch: [down],"
        " begin: 2026-01-01T00:00, duration: 1h}]}\n",
        "  - {name: '${T}', query: up, step: 5s, fit_window: 1d}\n"
        "prometheus2: 1\nprometheus3: {read_timeout: 1m}\n",
        "  - {name: a, query: up, incident_group: g, group_by: ['${T}']}\n"
        "  - {name: b, query: up, incident_group: g, group_by: [b]}\n",
    ],
)
def test_nor_is_it_in_a_message_about_another_setting(rest: str) -> None:
    assert SECRET not in refusal(MINIMAL % "" + rest)


def test_a_name_given_twice_says_that_it_is_from_the_environment() -> None:
    message = refusal(MINIMAL % "" + "  - {name: '${T}', query: up}\n" * 2)
    assert message == (
        "x.yml:5: watches[2].name: found a value from the environment (not shown); valid is a"
        " name that no other watch has"
    )


@pytest.mark.parametrize(
    "rule", [r"FREQ=DAILY\nFREQ=X\n", r"FREQ=\u200f", "FREQ=" + "X" * 5000, "{match: a}" * 500]
)
def test_a_message_about_a_window_is_one_short_line(rule: str) -> None:
    window = f'{{name: a, match: "{{}}", begin: 2026-01-01T00:00, duration: 1h, rule: "{rule}"}}'
    message = refusal(MINIMAL % "" + f"maintenance: {{windows: [{window}]}}\n")
    assert message.startswith("x.yml:4: maintenance.windows[0].rule: found ")
    assert message.isprintable() and len(message) < 700


def test_a_bomb_of_merges_is_read_soon() -> None:
    levels = "".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 8)}]}}\n" for i in range(1, 9)
    )
    bomb = "a0: &a0 {x: 1}\n" + levels + MINIMAL % ""
    assert seconds(bomb) < 1
    assert 'a8: found the unknown key "a8"' in refusal(bomb)


def test_a_mapping_with_a_list_as_its_key_can_not_be_merged() -> None:
    message = refusal("{[a]: &a {? [b] : 1}, <<: *a}")
    assert message.startswith("x.yml:1: found a key with parts; valid is text as a key")


def test_a_large_text_that_aliases_repeat_is_read_soon() -> None:
    text = f"z: &z {'x' * 50_000}\nq: [{'*z, ' * 5000}]\n"
    assert seconds(text) < 1
    assert "more than 4,000,000 characters" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL % (", step: " + "1" * 100_000),
        MINIMAL % (", alert_budget: '1" + " " * 50_000 + "!'"),
        MINIMAL % (", direction: " + "a" * 50_000),
        MINIMAL % (", timezone: " + "a/" * 20_000),
    ],
)
def test_a_long_value_is_read_soon(text: str) -> None:
    assert seconds(text) < 1
    assert len(refusal(text)) < 400


def test_a_flood_of_unknown_keys_gives_a_short_message() -> None:
    text = MINIMAL % "" + "".join(f"key{i}: 1\n" for i in range(2000))
    assert seconds(text) < 1
    lines = refusal(text).splitlines()
    assert len(lines) == 51
    assert lines[0].startswith('x.yml:4: key0: found the unknown key "key0"; valid is one of')
    assert lines[-1] == (
        "x.yml:53: found 1950 more mistakes in the file, which are not listed; valid is a file"
        " without any; correct these first"
    )


def test_a_message_lists_only_the_first_of_very_many_watches() -> None:
    watches = "".join(f"  - {{name: w{i}, query: up}}\n" for i in range(1000))
    windows = "{name: a, watch: [down], begin: 2026-01-01T00:00, duration: 1h}"
    message = refusal(MINIMAL % "" + watches + f"maintenance: {{windows: [{windows}]}}\n")
    assert message.endswith("w48, … (1001 in all)")
    assert len(message) < 600


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: found a file of more than 1 MiB; valid is"):
        load(Path("/dev/zero"))


@pytest.mark.parametrize("url", ["http://a b", "http://a\tb", "http://a/\\x07"])
def test_a_url_has_no_spaces(url: str) -> None:
    text = (MINIMAL % "").replace("http://localhost:9090", f'"{url}"')
    assert refusal(text).startswith("x.yml:1: prometheus.url: found ")
