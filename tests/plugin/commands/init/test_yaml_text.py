"""What the file says, and that nothing in a preset or an error can break out of it."""

import numpy as np
import pytest

from plugin.commands.init.proposals import Proposal, RejectedCandidate
from plugin.commands.init.survey import QueryTrial
from plugin.commands.init.yaml_text import file_text
from plugin.config import PrometheusSettings, parse
from plugin.prometheus import QueryResult
from plugin.series import Labels, Series

END = 1_772_409_600


def proposal(**settings: object) -> Proposal:
    times = np.arange(END - 3600, END + 60, 60)
    times = np.delete(times, slice(10, 16))
    series = [Series(Labels.of({"job": "a"}), times, np.sin(times))]
    day = QueryResult(series, (), 1, 0.1)
    trial = QueryTrial(day, day, 60, END)
    common = {"name": "load", "query": "sum(\n  load\n)"}
    return Proposal("own", "The load; all of it.", {**common, **settings}, 15, trial)


def text_of(one: Proposal, *reasons: str) -> str:
    rejected = [RejectedCandidate("other", reason) for reason in reasons]
    settings = PrometheusSettings(url="http://localhost:9090")
    return file_text(settings, [one], rejected, file="a.yml", date="2026-03-02")


def test_a_watch_has_its_reason_and_what_was_seen() -> None:
    assert (
        "watches:\n"
        "  # own\n"
        "  # The load; all of it.\n"
        "  # 1 series in the last 1h; gaps: 9.84%; scraped every 15s.\n"
        "  - name: load\n"
        "    query: |-\n"
        "      sum(\n"
        "        load\n"
        "      )\n"
        "    valid_range: [0, null]\n"
        "    persistence: 2 of 3\n"
    ) in text_of(proposal(valid_range=[0, None], persistence="2 of 3"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unit", "true"),
        ("unit", "req/s: # ${HOME}"),
        ("unit", "10"),
        ("fit_window", "2w"),
        ("alert_budget", "1/w"),
        ("labels", {"severity": "page", "team": "a 'b' \"c\""}),
        ("min_deviation", 1.5e-07),
        ("paused", True),
    ],
)
def test_a_setting_is_read_as_it_was_meant(name: str, value: object) -> None:
    config = parse(text_of(proposal(**{name: value})), file="a.yml")
    written = config.watches[0].model_dump(mode="json")[name]
    assert written == value


def test_nothing_in_a_query_is_replaced_from_the_environment() -> None:
    query = 'a{b=~"${HOME}|x"}'
    assert parse(text_of(proposal(query=query)), file="a.yml").watches[0].query == query


def test_a_reason_stays_a_comment() -> None:
    text = text_of(proposal(), "refused:\nwatches: []")
    assert text.endswith("\n# Proposed, and left out here:\n# other: refused: watches: []\n")
    parse(text, file="a.yml")
