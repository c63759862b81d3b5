"""`bandwatch preview`: the alarms that a configuration would have raised over real history."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plugin import config
from plugin.commands import terminal
from plugin.commands.preview import terminal_report
from plugin.commands.preview.as_json import as_json
from plugin.commands.preview.outages import read_outages
from plugin.commands.preview.sides import PreviewSide
from plugin.config import Config
from plugin.config.watch_text import with_setting
from plugin.domain.preview import Preview
from plugin.domain.times import WEEK
from plugin.errors import BandwatchError, ConfigError
from plugin.preview.past_service import PreviewTask
from plugin.preview.recorded_samples import StoredReader, stored_past
from plugin.preview.run import run_preview
from plugin.prometheus import PrometheusReader
from plugin.store import Store

DRAWN_SERIES = 5  # of the page, for each configuration


@dataclass(frozen=True, kw_only=True)
class PreviewRequest:
    """What the command line asks for."""

    config_file: Path
    watches: tuple[str, ...] = ()  # names; () = all
    seconds: int  # until `end`
    end: int | None = None  # unix seconds; None = now
    compare: Path | None = None  # another configuration
    suggested: bool = False  # compare with the suggestions applied
    outages: Path | None = None
    html: Path | None = None
    as_json: bool = False
    max_pages: float | None = None  # a second; more is a failure
    from_store: bool = False


def preview_command(request: PreviewRequest) -> int:
    """Prints what would have happened.

    Returns 1 where someone would have been told more often than `max_pages`. Raises BandwatchError.
    """
    if request.compare and request.suggested:
        raise ConfigError("--compare and --suggested: give one of them")
    outages = tuple(read_outages(request.outages)) if request.outages else ()
    end = int(time.time()) if request.end is None else request.end
    sides = [PreviewSide(name, preview, outages) for name, preview in _previews(request, end)]
    if request.as_json:
        print(as_json(sides))
    else:
        terminal_report.show(sides)
    if request.html:
        _write_page(request.html, sides, silent=request.as_json)
    return _status(request, sides)


def _previews(request: PreviewRequest, end: int) -> Iterator[tuple[str, Preview]]:
    """The name and the preview of each configuration."""
    first = _chosen(request.config_file, request.watches)
    preview = _run(first, request, end, str(request.config_file))
    yield str(request.config_file), preview
    if request.compare:
        yield (
            str(request.compare),
            _run(_chosen(request.compare, request.watches), request, end, str(request.compare)),
        )
    if request.suggested:
        changed, name = _with_suggestions(first, preview)
        yield name, _run(changed, request, end, name)


def _chosen(path: Path, names: Sequence[str]) -> Config:
    """The configuration with the watches of these names. Raises ConfigError."""
    settings = config.load(path)
    valid = [watch.name for watch in settings.watches]
    for name in names:
        if name not in valid:
            raise ConfigError(
                f"--watch {name}: there is no such watch in {path}; valid is one of:"
                f" {', '.join(valid)}"
            )
    watches = tuple(watch for watch in settings.watches if watch.name in (names or valid))
    return settings.model_copy(update={"watches": watches})


def _with_suggestions(settings: Config, preview: Preview) -> tuple[Config, str]:
    """The configuration with, for each watch, the suggestion that removes the most alarms; and
    these settings as a name. Raises BandwatchError where there is none."""
    best = {
        line.watch: max(
            (suggestion for _, suggestion in line.suggestions),
            key=lambda suggestion: suggestion.removed,
        )
        for line in preview.watches
        if line.suggestions
    }
    if not best:
        raise BandwatchError(
            "--suggested: no setting would have made a series quieter; leave --suggested out"
        )
    watches = tuple(
        with_setting(watch, best[watch.name].setting) if watch.name in best else watch
        for watch in settings.watches
    )
    name = ", ".join(f"{watch}: {suggestion.setting}" for watch, suggestion in best.items())
    return settings.model_copy(update={"watches": watches}), name


def _run(settings: Config, request: PreviewRequest, end: int, name: str) -> Preview:
    with _source(settings, request, end) as (reader, task), terminal.bar(f"preview {name}") as bar:
        return run_preview(task, bar, reader=reader)


@contextmanager
def _source(
    settings: Config, request: PreviewRequest, end: int
) -> Iterator[tuple[PrometheusReader | None, PreviewTask]]:
    """Where the samples are, and what is known besides."""
    start = end - request.seconds
    max_bands = DRAWN_SERIES if request.html else 0
    if not request.from_store:
        yield None, PreviewTask(settings, start, end, max_bands=max_bands)
        return
    folder = Path(settings.store.path)
    if settings.store.url is None and not (folder / "bandwatch.db").exists():
        raise BandwatchError(
            f"--store: {folder} holds no bandwatch.db; valid is the `store.path` of a service that"
            " has run, or no --store, so that Prometheus is asked"
        )
    store = Store.of(settings.store, create=False)
    try:
        extras = stored_past(store, settings, end)
        task = PreviewTask(settings, start, end, extras.windows, extras.holes, max_bands)
        yield StoredReader(store, settings.watches), task
    finally:
        store.close()


def _write_page(path: Path, sides: Sequence[PreviewSide], *, silent: bool) -> None:
    from plugin.commands.preview.page import page

    try:
        path.write_text(page(sides), encoding="utf-8")
    except OSError as error:
        raise BandwatchError(f"--html {path}: {error.strerror or error}") from error
    if not silent:
        print(f"\nwritten to {path}")


def _status(request: PreviewRequest, sides: Sequence[PreviewSide]) -> int:
    """1 where the configuration that is tried alerts too often: of two, the second."""
    if request.max_pages is None:
        return 0
    side = sides[-1]
    pages = side.preview.pages().total
    limit = request.max_pages * WEEK
    if pages <= limit:
        return 0
    raise BandwatchError(f"--fail-above: {terminal_report.refusal(side.name, pages, limit)}")
