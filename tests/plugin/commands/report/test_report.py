"""The report, from a service that listens to what a person sees: in a terminal, and as one page."""

import re
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from plugin.board import WatchHealth
from plugin.cli import main
from plugin.commands.client import ServiceClient
from plugin.commands.report.gather import gather
from plugin.commands.report.page import page
from plugin.commands.report.svg import band, bars
from plugin.domain.budget import NoiseReport, Suggestion
from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.domain.report import Point, Report, promised, summary, unscored_notes
from plugin.errors import BandwatchError
from plugin.series import Labels, SeriesState
from plugin.store import alarms, model_decisions
from tests.plugin.commands.test_client import listening
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, STEP, Service, service  # noqa: F401
from tests.plugin.web.test_budget import alarm

WEEK = 7 * 86_400 // STEP
EVIL = "<script>alert(1)</script>\"&'"


@pytest.fixture
def url(service: Service) -> Iterator[str]:  # noqa: F811
    """Three alarms of the first series today, two more than promised; the third has vanished,
    `node` fails."""
    service.clock = lambda: float(END + 60)
    with service.store._database.writing() as connection:
        alarms.write(
            connection, [alarm(1, START, 2, 5.0), alarm(1, START + 600), alarm(1, END, 1, 4.0)]
        )
        model_decisions.write(
            connection,
            [
                Decision(START, series, 2, what, "why")
                for series, what in (
                    (1, DecisionKind.REFUSED),
                    (2, DecisionKind.REFUSED),
                    (3, DecisionKind.PROMOTED),
                    (4, DecisionKind.RETIRED),
                )
            ],
        )
    ids = np.array([1, 2, 3, 4])
    scored = np.array([1.0, 1, 0.5, 1]) * WEEK
    service.board.publish_noise(
        NoiseReport(
            END, ids, {7: scored, 30: scored}, {1: Suggestion("min_deviation: 5", 2, 3, 0, True)}
        )
    )
    web, node = (service.board.snapshots()[name] for name in ("web", "node"))
    states = {2: SeriesState.LEARNING, 3: SeriesState.MISSING}
    series = [replace(record, state=states.get(record.id, SeriesState.OK)) for record in web.series]
    service.change(series=tuple(series), missing=np.array([False, False, True]))
    service.board.publish(
        replace(node, outlook=WatchHealth.FAILING, reason=f"Prometheus said {EVIL}")
    )
    with listening(service.app()) as address:
        yield address


@pytest.fixture
def report(url: str) -> Report:
    return gather(ServiceClient(url), 7, END + 60)


def test_what_is_asked_of_the_service(report: Report) -> None:
    web = next(line for line in report.watches if line.watch == "web")
    assert (web.series, web.alarms, web.promised, web.spent, web.missing) == (3, 3, 2.5, 1.2, 1)
    assert web.scored == pytest.approx(2.5 / 3, abs=1e-4) and web.per_day == (
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        3,
    )
    (noisy,) = report.noisy
    assert (noisy.series, noisy.alarms, noisy.promised, noisy.worst_score) == (
        str(Labels.of(API)),
        3,
        1.0,
        5.0,
    )
    assert [point.outside for point in noisy.points] == [False] * 9 + [True]
    assert [each.series for each in report.absent] == [str(Labels.of(CLASH))]
    assert summary(report) == "3 alarms in 7 days, 3.5 promised; web spent more than its budget"


def test_below_one_promised_alarm_it_is_too_early_to_judge(report: Report) -> None:
    web, node = (
        next(line for line in report.watches if line.watch == name) for name in ("web", "node")
    )

    def words(*promises: float) -> str:
        lines = (
            replace(line, promised=number, spent=line.alarms / max(1, number))
            for line, number in zip((web, node), promises, strict=True)
        )
        return summary(replace(report, watches=tuple(lines))).partition("; ")[2]

    assert words(0.4, 0.2) == "too early to judge: less than one alarm was promised"
    assert words(2.5, 0.2) == (
        "web spent more than its budget; too early to judge node: less than one alarm was promised"
    )
    assert words(5.0, 0.2) == (
        "every other watch kept its budget; too early to judge node: less than one alarm was"
        " promised"
    )
    assert words(5.0, 1.0) == "every watch kept its budget"


def test_what_could_not_be_scored_is_said(report: Report) -> None:
    assert unscored_notes(report) == [
        "scored of 7 days: web 83%; the rest are gaps, outages, or from before a series was known"
        " or while it was learning",
        f"node is failing: Prometheus said {EVIL}",
        "node: 1 model given up, as it could not be used",
        "web: 1 of 3 series missing: the samples have stopped",
        "web: 1 of 3 series learning: new, without alerts yet",
        "web: 2 models refused after a fit; the one before stayed",
        "young is starting: not scored since the service started",
    ]


def test_right_after_a_start_it_says_that_nothing_has_been_counted(report: Report) -> None:
    young = replace(
        report,
        watches=tuple(
            replace(line, scored=0.0, promised=0.0, spent=0.0) for line in report.watches
        ),
    )
    assert summary(young) == "3 alarms in 7 days; how many were promised is not known yet"
    assert unscored_notes(young)[0] == (
        "for how long the series were scored is not known yet: the service counts it within a "
        "minute of its first scores"
    )


class Page(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags = [""]
        self.text = ""
        self.addresses = list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attributes if name in ("src", "href", "srcset", "action")
        ]
        if tag not in ("meta", "br", "wbr", "rect", "polygon", "polyline", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in ("rect", "polygon", "polyline", "path") or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if "style" not in self.open else ""


def test_the_page_needs_nothing_and_runs_nothing(report: Report) -> None:
    text = page(report)
    shown = Page(text)
    assert shown.open == [] and "script" not in shown.tags and shown.addresses == []
    assert "url(" not in text and "@import" not in text and not re.search(r"\bon\w+=", text)
    assert f"Prometheus said {EVIL}" in shown.text and str(Labels.of(API)) in shown.text
    assert "min_deviation: 5 would have removed 2 of 3 alarms, none marked real" in shown.text
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        xml.fromstring(drawing)
    assert "prefers-color-scheme: dark" in text and "@media print" in text


def test_names_are_escaped_wherever_they_stand(report: Report) -> None:
    noisy = replace(report.noisy[0], series=EVIL, watch=EVIL, suggestion=f"`{EVIL}`")
    watches = tuple(replace(line, watch=EVIL) for line in report.watches)
    absent = (replace(report.absent[0], series=EVIL),)
    made = replace(
        report, url=EVIL, watches=watches, noisy=(noisy, replace(noisy, points=())), absent=absent
    )
    shown = Page(page(made))
    assert "script" not in shown.tags and shown.text.count(EVIL) >= 3 * len(watches)


def test_a_quiet_week(report: Report) -> None:
    quiet = replace(report, watches=(), noisy=(), absent=())
    assert "No series has raised an alarm." in page(quiet) and "Every series was scored" in page(
        quiet
    )


def test_the_command_prints_and_writes(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.time", lambda: float(END + 60))
    path = tmp_path / "week.html"
    assert main(["report", "--url", url + "/", "--html", str(path), "--since", "30d"]) == 0
    said = capsys.readouterr().out
    assert "in 30 days" in said and f"written to {path}" in said
    assert "`min_deviation: 5` would have removed 2 of 3 alarms, none marked real" in said
    assert (
        re.search(r"web +│ +3 │ +3 │", said) and Page(path.read_text(encoding="utf-8")).open == []
    )
    assert main(["report", "--url", url, "--html", str(tmp_path)]) == 1
    assert f"--html {tmp_path}: Is a directory" in capsys.readouterr().err


def test_a_token_is_taken_from_the_environment(
    service: Service,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with listening(service.app(read_token=SecretStr("reading"))) as address:
        monkeypatch.delenv("BANDWATCH_TOKEN", raising=False)
        assert main(["report", "--url", address]) == 1
        assert "give a token by --token, --token-file or BANDWATCH_TOKEN" in capsys.readouterr().err
        monkeypatch.setenv("BANDWATCH_TOKEN", "reading")
        assert main(["report", "--url", address]) == 0


def test_a_service_of_another_version_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ServiceClient.get
    monkeypatch.setattr(
        ServiceClient,
        "get",
        lambda self, path, given=None: (
            [{"watch": "web"}] if path.endswith("budget") else whole(self, path, given)
        ),
    )
    with pytest.raises(BandwatchError, match="an answer that this version does not understand"):
        gather(ServiceClient(url), 7, END)


def test_a_band_is_drawn_within_its_picture_whatever_it_holds() -> None:
    points = [
        Point(0, 1.0, 0.0, 2.0, False),
        Point(10, None, None, None, False),
        Point(20, 9.0, None, 2.0, True),
        Point(30, 2.0, 1e300, None, False),
        Point(40, 1.0, 0.0, 2.0, False),
    ]
    drawn = xml.fromstring(band(points, 0, 40, "label"))
    numbers = [
        float(number)
        for part in drawn
        if part.get("points")
        for number in re.split("[ ,]", str(part.get("points")))
    ]
    assert 0 <= min(numbers) and max(numbers) <= 720
    assert [part.tag for part in drawn] == ["polygon", "polygon", "polyline", "polyline", "path"]
    for flat in ([], [Point(5, 3.0, 3.0, 3.0, False)]):
        assert xml.fromstring(band(flat, 0, 0, "label")).tag == "svg"


def test_bars_are_as_tall_as_their_numbers() -> None:
    drawn = xml.fromstring(bars([0, 1, 4], 8, "label"))
    assert [(part.get("class"), part.get("height")) for part in drawn] == [
        ("none", "1.0"),
        ("bar", "4.2"),
        ("bar", "17.0"),
    ]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0.0"),
        (0.003, "<0.01"),
        (0.036, "0.04"),
        (0.23, "0.2"),
        (7.04, "7.0"),
        (1234.5, "1,234"),
    ],
)
def test_a_promise_has_few_digits(number: float, words: str) -> None:
    assert promised(number) == words
