"""Each setting, metric, route and flag is documented, and nothing is documented that does not
exist."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from detectors.registry import detector_names
from plugin.board import Board
from plugin.cli import parser
from plugin.config import Config, WebSettings, example
from plugin.exposition import exposition
from plugin.jobs.model_settings import POLICIES
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.row_types import ScoreRow
from plugin.web.rows import COLUMNS

ROOT = Path(__file__).parent.parent
FENCE = r"^```.*?^```"
FLAGS = re.MULTILINE | re.DOTALL
ROOT_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*ROOT_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def code(text: str) -> str:
    """What stands in backticks or in a fenced block."""
    return "\n".join([*re.findall(FENCE, text, FLAGS), *re.findall(r"`([^`\n]+)`", text)])


def settings(model: Any, path: str = "") -> Iterator[str]:
    """`watches.step` for each field of a pydantic model and of the models within it."""
    for name, field in model.model_fields.items():
        yield f"{path}{name}"
        for inner in models(field.annotation):
            yield from settings(inner, f"{path}{name}.")


def models(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def section(text: str, name: str) -> str:
    """The heading that names a block or a command, and what stands under it, lower headings
    included."""
    outside = re.sub(
        FENCE, lambda fence: re.sub(r"^#", " ", fence[0], flags=re.MULTILINE), text, flags=FLAGS
    )
    parts = re.split(r"^(?=##? )", outside, flags=re.MULTILINE)
    return "".join(part for part in parts if re.match(rf"#+ .*`{name}[` ]", part))


@pytest.mark.parametrize("setting", list(settings(Config)))
def test_every_setting_is_documented(setting: str) -> None:
    block, _, name = setting.partition(".")
    text = page("configuration.md")
    within = section(text, block)
    assert within, f"docs/configuration.md has no heading with `{block}`"
    last = name.rpartition(".")[2]
    said = re.search(rf"(?<![\w.]){last}(?!\w)", code(within))
    assert not last or said, f"docs/configuration.md does not tell of `{setting}`"


def test_every_metric_is_documented_under_its_name_in_a_scrape() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    scraped = exposition(registry, {}).decode()
    exported = set(re.findall(r"^# TYPE (bandwatch_\w+) ", scraped, re.MULTILINE))
    assert set(re.findall(r"`(bandwatch_[a-z_]+)", page("metrics.md"))) == exported


@pytest.fixture
def routes(tmp_path: Path) -> set[str]:
    store = Store.open(tmp_path)
    registry = CollectorRegistry()
    context = WebContext(
        store=store,
        board=Board(),
        settings=WebSettings(),
        registry=registry,
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=Metrics(registry),
    )
    rules = create_app(context).url_map.iter_rules()
    store.close()
    return {re.sub(r"<\w+:", "<", rule.rule) for rule in rules}


def test_every_route_is_documented(routes: set[str]) -> None:
    path = (
        r"(?<![\w.}])/(?:-|api)/[\w/<>.-]+\w>?|(?<![\w.}])/grafana/(?:[\w-]+\w)?"
        r"|/metrics\b|(?<![\w.}])/feedback\b"
        r"|(?<=GET )/(?:[\w/<>.-]*[\w>/])?|(?<=POST )/(?:[\w/<>.-]*[\w>/])?"
    )
    documented = set(re.findall(path, code(page("http-api.md")), re.MULTILINE))
    assert routes - documented == set()
    assert {
        path for path in documented if not any(matches(path, route) for route in routes)
    } == set()


def test_every_column_is_documented_as_a_label_name_that_is_taken() -> None:
    [line] = re.findall(r"^\| (.+) \| `label_time`, ", page("http-api.md"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", line)) == COLUMNS


def test_every_column_of_scores_has_its_row() -> None:
    """`/scores` has the columns of `/bands` and its own."""
    text = page("http-api.md")
    tables = "".join(
        text.split(f"## GET /api/v1/{name}\n")[1].split("\n## ")[0] for name in ("bands", "scores")
    )
    first_cells = " ".join(re.findall(r"^\| (`.+?) \|", tables, re.MULTILINE))
    documented = set(re.findall(r"`(\w+)`", first_cells))
    assert set(ScoreRow.__struct_encode_fields__) - documented == set()


def test_the_policies_are_those_that_are_documented() -> None:
    text = page("configuration.md").split("\n### Policies\n")[1].split("\n### ")[0]
    assert set(re.findall(r"^#### `(\w+)`", text, re.MULTILINE)) == set(POLICIES)


def test_every_detector_is_documented() -> None:
    names = set(detector_names())
    table = page("detectors.md").split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == names
    for text in (page("configuration.md"), example()):
        [line] = [line for line in text.splitlines() if "# " in line and "autoencoder, " in line]
        assert names - set(re.findall(r"\w+", line)) == set()


def matches(path: str, route: str) -> bool:
    """A page may fill in a name: `/api/v1/label/job/values`."""
    return re.fullmatch(re.sub(r"<\w+>", "[^/]+", route), path) is not None


def flags(command: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, str]]:
    """(sub-command, flag or positional) of a parser and of all below it."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below, inner in action.choices.items():
                path = f"{name} {below}".strip()
                yield path, below
                yield from flags(inner, path)
        else:
            long = [flag for flag in action.option_strings if flag.startswith("--")]
            yield name, long[0] if long else str(action.metavar)


@pytest.mark.parametrize(
    ("command", "flag"), [pair for pair in flags(parser()) if pair[1] != "--help"]
)
def test_every_flag_is_documented(command: str, flag: str) -> None:
    text = page("command-line.md")
    within = section(text, f"bandwatch {command}") if command else text
    assert within, f"docs/command-line.md has no heading with `bandwatch {command}`"
    shared = [
        section(text, f"bandwatch {name}") for name in re.findall(r"Flags as for `(\w+)`", within)
    ]
    everywhere = [text] if flag.startswith("--log.") else [within, *shared]
    assert any(re.search(rf"(?<![\w.-]){re.escape(flag)}(?![\w.-])", part) for part in everywhere)


def test_no_flag_is_documented_that_does_not_exist() -> None:
    documented = set(re.findall(r"(?<![\w-])--[a-z][\w.-]*\w", page("command-line.md")))
    assert documented - {flag for _, flag in flags(parser())} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = path.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file) if file else path
        assert linked.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(linked.read_text()), f"{path.name}: {target}"


def test_every_page_is_in_the_index() -> None:
    linked = re.findall(r"\]\(([\w/-]+\.md)\)", page("README.md"))
    names = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert names - {"README.md"} == set(linked)


def test_every_path_that_contributors_are_sent_to_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = set(re.findall(r"`([\w.-]+/[\w./-]*)`", text))
    assert len(paths) > 40
    templates = {path for path in paths if re.search(r"[A-Z]{4}", path)}  # detectors/NAME.py
    assert [path for path in sorted(paths - templates) if not (ROOT / path).exists()] == []


def test_the_names_that_contributors_look_for_are_in_these_files() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    steps = re.findall(r"^\d\. `([\w/]+\.py)`: (.+)$", text, re.MULTILINE)
    names = [
        (path, name)
        for path, step in steps
        if (ROOT / path).exists()
        for name in re.findall(r"`(\w+)`", step)
    ]
    assert len(names) > 8
    assert [pair for pair in names if pair[1] not in (ROOT / pair[0]).read_text()] == []


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
