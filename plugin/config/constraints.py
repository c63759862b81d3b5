"""The rules between settings. A rule names the settings that it reads, the one to change first.

A rule is left out when one of its settings is already refused; of those that a rule reads, the
first one that the file holds is the one that its message points to.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from plugin.config.durations import format_budget, format_duration
from plugin.config.locations import WITH_CREDENTIALS, is_loopback
from plugin.config.model import (
    BasicAuth,
    Config,
    Endpoint,
    MaintenanceSettings,
    MaintenanceWindow,
    StoreSettings,
    Watch,
    WebSettings,
)
from plugin.config.problems import InvalidValue, Path, nearest_name, path_text, shown
from plugin.domain.windows import window
from plugin.errors import WindowRefused

# of a fit window: enough to learn from, not too many to hold
LEAST_STEPS = 100
MOST_STEPS = 250_000
LEAST_SAMPLES_PER_ALARM = 20
MOST_COVARIATES = 8
MOST_STEPS_AHEAD = (
    480  # of a forecast: it is kept in memory for all series, 12 bytes for each of their steps
)
WITHOUT_COVARIATES = (
    "auto",
    "autoencoder",
    "baseline",
    "seq2seq",
    "vae",
)  # of our detectors; others are asked later


@dataclass(frozen=True)
class Conflict:
    """Settings that do not go together."""

    reads: tuple[Path, ...]
    refusal: InvalidValue


def conflicts(config: Config, detectors: Iterable[str]) -> Iterator[Conflict]:
    """Every rule that a configuration breaks."""
    names = sorted(detectors)
    for i, watch in enumerate(config.watches):
        yield from chain(
            _watch(("watches", i), watch),
            _kept(("watches", i), watch, config.store),
            _covariates(("watches", i), watch),
        )
        if watch.detector not in names:
            yield _conflict(
                ("watches", i, "detector"),
                shown(watch.detector),
                _installed(names),
                nearest_name(watch.detector, names),
            )
    yield from _unique(
        [("watches", i, "name") for i in range(len(config.watches))],
        [watch.name for watch in config.watches],
        "a name that no other watch has",
    )
    yield from _groups(config.watches)
    yield from chain(
        _endpoint(("prometheus",), config.prometheus), _timeouts(config), _store(config.store)
    )
    if config.remote_write:
        yield from _endpoint(("remote_write",), config.remote_write)
    yield from _planned(config.maintenance, [watch.name for watch in config.watches])
    yield from _web(config.web)


def reachable_by_all(web: WebSettings) -> InvalidValue | None:
    """Why a service must not listen as it is told to."""
    if is_loopback(web.listen_address) or web.authenticated or web.allow_unauthenticated:
        return None
    return InvalidValue(
        f"{shown(web.listen_address)}, which other machines can reach, without any authentication",
        "an address of this machine only such as 127.0.0.1:8642, or web.read_token, "
        "web.write_token or web.basic_auth set, or web.allow_unauthenticated: true",
    )


def _conflict(
    path: Path, found: str, valid: str, nearest: str | None = None, *, also: tuple[Path, ...] = ()
) -> Conflict:
    return Conflict((path, *also), InvalidValue(found, valid, nearest))


def _written(seconds: int) -> str:
    return f'"{format_duration(seconds)}"'


def _installed(names: list[str]) -> str:
    listed = f": {', '.join(names)}" if names else "; none is: install bandwatch with pip"
    return f"an installed detector{listed}"


def _unique(paths: list[Path], names: list[str], valid: str) -> Iterator[Conflict]:
    for i, name in enumerate(names):
        first = names.index(name)
        if first < i:
            yield _conflict(paths[i], f"{shown(name)} again", valid, also=(paths[first],))


def _watch(at: Path, watch: Watch) -> Iterator[Conflict]:
    step = (*at, "step")
    fit_window = (*at, "fit_window")
    fit_every = (*at, "fit_every")
    steps = watch.fit_window // watch.step
    if not LEAST_STEPS <= steps <= MOST_STEPS:
        low = _written(LEAST_STEPS * watch.step)
        high = _written(MOST_STEPS * watch.step)
        yield _conflict(
            fit_window,
            f"{_written(watch.fit_window)} = {steps} steps of {_written(watch.step)}",
            f"{LEAST_STEPS} to {MOST_STEPS} steps, {low} to {high}",
            also=(step,),
        )
    if watch.fit_every < watch.step:
        yield _conflict(
            fit_every,
            _written(watch.fit_every),
            f"at least the step {_written(watch.step)}",
            also=(step,),
        )
    if watch.score_interval < watch.step:
        yield _conflict(
            (*at, "score_every"),
            _written(watch.score_interval),
            f"at least the step {_written(watch.step)}",
            also=(step,),
        )
    if watch.steps_ahead > MOST_STEPS_AHEAD:
        yield _conflict(
            (*at, "forecast"),
            f"{_written(watch.forecast)} = {watch.steps_ahead} steps of {_written(watch.step)}",
            f"at most {MOST_STEPS_AHEAD} steps, {_written(MOST_STEPS_AHEAD * watch.step)}",
            also=(step,),
        )
    if watch.alert_budget * watch.step * LEAST_SAMPLES_PER_ALARM > 1:
        most = format_budget(1 / (LEAST_SAMPLES_PER_ALARM * watch.step))
        yield _conflict(
            (*at, "alert_budget"),
            f'"{format_budget(watch.alert_budget)}"',
            f'at most one alarm in {LEAST_SAMPLES_PER_ALARM} samples, "{most}" at the step '
            f"{_written(watch.step)}",
            also=(step,),
        )


def _covariates(at: Path, watch: Watch) -> Iterator[Conflict]:
    covariates = (*at, "covariates")
    detector = (*at, "detector")
    if watch.covariates and watch.detector in WITHOUT_COVARIATES:
        yield _conflict(
            covariates,
            f"covariates with the detector {watch.detector}, which takes none",
            "a detector that does, such as lstm, or no covariates",
            also=(detector,),
        )
    if len(watch.covariates) > MOST_COVARIATES:
        yield _conflict(
            covariates, f"{len(watch.covariates)} covariates", f"at most {MOST_COVARIATES}"
        )
    queries = [watch.query, *watch.covariates]
    yield from _unique(
        [(*at, "query"), *((*covariates, i) for i in range(len(watch.covariates)))],
        queries,
        "an expression that is neither the query of the watch nor another covariate of it",
    )


def _groups(watches: Sequence[Watch]) -> Iterator[Conflict]:
    """Labels that tell incidents apart must do so for all watches of a group."""
    first: dict[str, int] = {}
    for i, watch in enumerate(watches):
        group_by = ("watches", i, "group_by")
        yield from _unique(
            [(*group_by, k) for k in range(len(watch.group_by))],
            list(watch.group_by),
            "a label that is not in the list before",
        )
        other = watches[first.setdefault(watch.group, i)]
        if {*other.group_by} != {*watch.group_by}:
            yield _conflict(
                group_by,
                _listed(watch.group_by),
                f"the group_by of {shown(other.name)}, with which it "
                f"shares incidents: {_listed(other.group_by)}",
                also=(
                    ("watches", i, "incident_group"),
                    ("watches", first[watch.group], "group_by"),
                    ("watches", first[watch.group], "incident_group"),
                ),
            )


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _kept(at: Path, watch: Watch, store: StoreSettings) -> Iterator[Conflict]:
    """The history of a fit must still be there."""
    retention = ("store", "retention")
    if store.retention < watch.fit_window:
        yield _conflict(
            retention,
            _written(store.retention),
            f"at least the fit_window of {shown(watch.name)}, {_written(watch.fit_window)}",
            also=((*at, "fit_window"),),
        )


def _endpoint(at: Path, endpoint: Endpoint) -> Iterator[Conflict]:
    url = (*at, "url")
    if "@" in endpoint.url:
        yield _conflict(
            url, WITH_CREDENTIALS, f"a URL without them; they belong in {path_text(at)}.basic_auth"
        )
    ways = ("bearer_token", "bearer_token_file", "basic_auth")
    named = [(*at, name) for name in ways if getattr(endpoint, name)]
    named += [
        (*at, "headers", name) for name in endpoint.headers if name.lower() == "authorization"
    ]
    if len(named) > 1:
        ours = " and ".join(".".join(map(str, path[len(at) :])) for path in named)
        yield _conflict(
            named[-1], f"{ours} together", "one way to authenticate", also=tuple(named[:-1])
        )
    if endpoint.basic_auth:
        yield from _password((*at, "basic_auth"), endpoint.basic_auth)
    for name, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(endpoint, name) and not getattr(endpoint, other):
            yield _conflict(
                (*at, name),
                f"{name} without {other}",
                f"both or none: set {other}",
                also=((*at, other),),
            )
    tls = [name for name in ("ca_file", "cert_file", "key_file") if getattr(endpoint, name)]
    if tls and endpoint.url.startswith("http://"):
        https = None if "@" in endpoint.url else shown(endpoint.url.replace("http", "https", 1))
        yield _conflict(
            url,
            f"http:// with {tls[0]}",
            "https:// where files for TLS are set",
            https,
            also=((*at, tls[0]),),
        )


def _timeouts(config: Config) -> Iterator[Conflict]:
    connect = ("prometheus", "connect_timeout")
    read = ("prometheus", "read_timeout")
    timeout = config.prometheus.read_timeout
    if config.prometheus.connect_timeout > timeout:
        yield _conflict(
            connect,
            _written(config.prometheus.connect_timeout),
            f"at most read_timeout, {_written(timeout)}",
            also=(read,),
        )
    shortest = min(range(len(config.watches)), key=lambda i: config.watches[i].score_interval)
    interval = config.watches[shortest].score_interval
    at = ("watches", shortest)
    if timeout >= interval:
        yield _conflict(
            read,
            _written(timeout),
            f"less than the shortest interval between scores, {_written(interval)} of "
            f"{shown(config.watches[shortest].name)}",
            also=((*at, "score_every"), (*at, "step")),
        )


def _store(store: StoreSettings) -> Iterator[Conflict]:
    retention = ("store", "retention")
    gone_after = ("store", "gone_after")
    if store.gone_after > store.retention:
        yield _conflict(
            gone_after,
            _written(store.gone_after),
            f"at most store.retention, {_written(store.retention)}",
            also=(retention,),
        )


def _planned(planned: MaintenanceSettings, watches: list[str]) -> Iterator[Conflict]:
    windows = ("maintenance", "windows")
    for i, each in enumerate(planned.windows):
        for k, name in enumerate(each.watch):
            if name not in watches:
                yield _conflict(
                    (*windows, i, "watch", k),
                    shown(name),
                    f"a watch: {', '.join(watches)}",
                    nearest_name(name, watches),
                )
        yield from _window((*windows, i), each)
    yield from _unique(
        [(*windows, i, "name") for i in range(len(planned.windows))],
        [each.name for each in planned.windows],
        "a name that no other window has",
    )
    for i, endpoint in enumerate(planned.alertmanagers):
        yield from _endpoint(("maintenance", "alertmanagers", i), endpoint)


def _window(at: Path, given: MaintenanceWindow) -> Iterator[Conflict]:
    try:
        window(
            name=given.name,
            match=given.match,
            watch=given.watch,
            begin=given.begin,
            end=given.end or "",
            duration=given.duration,
            rule=given.rule,
            timezone=given.timezone,
            before=given.before,
            after=given.after,
        )
    except WindowRefused as refused:
        yield _conflict((*at, refused.field), refused.found, refused.valid)


def _web(web: WebSettings) -> Iterator[Conflict]:
    read = ("web", "read_token")
    write = ("web", "write_token")
    users = ("web", "basic_auth")
    refusal = reachable_by_all(web)
    if refusal:
        address = ("web", "listen_address")
        allowed = ("web", "allow_unauthenticated")
        yield Conflict((address, read, write, users, allowed), refusal)
    if web.read_token and web.read_token == web.write_token:
        yield _conflict(
            write,
            "the same token as read_token",
            "another one: whoever may read could change, too",
            also=(read,),
        )
    for i, user in enumerate(web.basic_auth):
        yield from _password((*users, i), user)
    yield from _unique(
        [(*users, i, "username") for i in range(len(web.basic_auth))],
        [user.username for user in web.basic_auth],
        "a name that no other user has",
    )


def _password(at: Path, auth: BasicAuth) -> Iterator[Conflict]:
    inline = (*at, "password")
    file = (*at, "password_file")
    if auth.password and auth.password_file:
        yield _conflict(
            file, "password and password_file together", "one of the two", also=(inline,)
        )
    if not auth.password and not auth.password_file:
        yield _conflict(
            at, "a user without a password", "password or password_file set", also=(inline, file)
        )
