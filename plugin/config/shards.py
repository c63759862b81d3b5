"""A large watch in parts: `shards` names them, and each becomes a watch of its own, so that several
workers share what one query asks for."""

from collections.abc import Iterator

from plugin.config.conflicts import Conflict, conflict
from plugin.config.model import Config, MaintenanceWindow, Shard, Watch
from plugin.config.problems import Path, display_text
from plugin.errors import SelectorError
from plugin.selectors import parse

PLACEHOLDER = "$shard"  # in a query: the matchers of the shard
ANY = 'bandwatch_shard=""'  # a matcher that no series fails: none has this label
MATCHERS = 'matchers in braces, such as {cluster="a"}'


def check_shards(section: Path, watch: Watch) -> Iterator[Conflict]:
    """What is wrong with the shards of a watch."""
    query = (*section, "query")
    shards = (*section, "shards")
    if bool(watch.shards) != (PLACEHOLDER in watch.query):
        found = f"shards without {PLACEHOLDER}" if watch.shards else f"{PLACEHOLDER} without shards"
        yield conflict(
            query,
            found,
            f"both or neither, with {PLACEHOLDER} among the matchers: up{{{PLACEHOLDER}}}",
            also=(shards,),
        )
    for name, selector in watch.shards.items():
        try:
            matchers = parse(selector)
        except SelectorError as error:
            yield conflict((*shards, name), f"{display_text(selector)}: {error}", MATCHERS)
            continue
        if not matchers or not selector.lstrip().startswith("{"):
            yield conflict((*shards, name), display_text(selector), MATCHERS)


def with_shards(config: Config) -> Config:
    """Each shard as a watch of its own; they share their incidents. Maintenance of the watch is of
    all its shards."""
    names = {
        watch.name: tuple(_name(watch, shard) for shard in watch.shards)
        for watch in config.watches
        if watch.shards
    }
    if not names:
        return config
    windows = tuple(_window(window, names) for window in config.maintenance.windows)
    maintenance = config.maintenance.model_copy(update={"windows": windows})
    watches = tuple(part for watch in config.watches for part in _parts(watch))
    return config.model_copy(update={"watches": watches, "maintenance": maintenance})


def watch_names(config: Config) -> Iterator[tuple[Path, str]]:
    """The names of all watches, with shards, each with the setting that it comes from."""
    for i, watch in enumerate(config.watches):
        if not watch.shards:
            yield ("watches", i, "name"), watch.name
        for shard in watch.shards:
            yield ("watches", i, "shards", shard), _name(watch, shard)


def _parts(watch: Watch) -> Iterator[Watch]:
    if not watch.shards:
        yield watch
    earlier: tuple[str, ...] = ()
    for shard, selector in watch.shards.items():
        matchers = selector.strip()[1:-1].strip().rstrip(",")
        part = watch.model_copy(
            update={
                "name": _name(watch, shard),
                "query": watch.query.replace(PLACEHOLDER, matchers),
                "covariates": tuple(
                    query.replace(PLACEHOLDER, matchers) for query in watch.covariates
                ),
                "incident_group": watch.group,
                "shards": {},
            }
        )
        part._shard = Shard(watch.name, earlier, watch.query.replace(PLACEHOLDER, ANY))
        earlier += (selector,)
        yield part


def _name(watch: Watch, shard: str) -> str:
    return f"{watch.name}-{shard}"


def _window(window: MaintenanceWindow, names: dict[str, tuple[str, ...]]) -> MaintenanceWindow:
    watches = tuple(name for watch in window.watch for name in names.get(watch, (watch,)))
    return window.model_copy(update={"watch": watches})
