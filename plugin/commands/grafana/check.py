"""The check of a whole Grafana: server, token, plugin, data source, dashboards, alert rules."""

from collections.abc import Iterator

from plugin.commands.grafana import shipped
from plugin.commands.grafana.client import GrafanaClient, GrafanaReply
from plugin.commands.grafana.dashboards import Dashboard, Sources
from plugin.commands.grafana.findings import Check, Finding, Level, failure, ok, warning
from plugin.commands.grafana.panel_queries import model
from plugin.commands.grafana.remedies import (
    INSTALL,
    PROVISION_DASHBOARDS,
    PROVISION_RULES,
    PROVISION_SOURCE,
    ROLE,
    SENT_TOKEN,
    TOKEN,
    remedy_for,
)
from plugin.commands.grafana.rules import check_rule, rule_states, state_of
from plugin.commands.grafana.shipped import Version
from plugin.commands.grafana.source_server import server_behind
from plugin.errors import GrafanaError

SERVER = "Grafana"
SOURCE = "data source"


def walk(grafana: GrafanaClient, now: int, source: str = shipped.SOURCE) -> Iterator[Check]:
    """Yields every check. Ends early without a Grafana, or with a refused token.

    now: unix seconds; source: uid of the data source that stands for Bandwatch.
    """
    try:
        yield from _walk(grafana, now, source)
    except GrafanaError as error:
        yield Check(SERVER, "answers", failure(error.text, error.remedy))


def _walk(grafana: GrafanaClient, now: int, source: str) -> Iterator[Check]:
    server = _server(grafana.health())
    yield Check(SERVER, "version", server)
    if server.level is Level.FAILURE:
        return
    sources = grafana.sources()
    token = _token(sources)
    yield Check(SERVER, "token", token)
    if sources.status == 401:
        return
    plugin = _plugin(grafana.plugin(shipped.INFINITY))
    yield Check(SOURCE, "plugin Infinity", plugin)
    usable = plugin.level is not Level.FAILURE
    for name, finding in _source(grafana, source, now):
        yield Check(SOURCE, name, finding)
        usable &= finding.level is not Level.FAILURE
    data_sources = Sources(_known(sources), () if usable else (shipped.INFINITY,))
    for uid in shipped.DASHBOARDS:
        yield from _dashboard(grafana, uid, data_sources, now)
    yield from _rules(grafana, data_sources, now)


def _server(reply: GrafanaReply) -> Finding:
    health = reply.mapping()
    if "database" not in health:
        return failure(
            f"this is not Grafana: /api/health answers {reply.message}",
            "give the address of Grafana with --url, with the path that it is served from",
        )
    version = Version.read(str(health.get("version") or ""))
    if version is None:
        return warning(
            "Grafana hides its version", f"make sure that it is {shipped.MIN_GRAFANA} or newer"
        )
    if version < shipped.MIN_GRAFANA:
        return failure(
            f"Grafana {health['version']} is too old",
            f"upgrade it to {shipped.MIN_GRAFANA} or newer",
        )
    if health.get("database") != "ok":
        return failure(f"Grafana {version} has lost its database", "see Grafana's log")
    return ok(f"Grafana {health['version']}")


def _token(reply: GrafanaReply) -> Finding:
    if reply.status == 401:
        return failure(f"the token is refused: {reply.message}", TOKEN)
    if reply.status != 200:
        return failure(f"the token may not read data sources: {reply.message}", ROLE)
    return ok("accepted")


def _plugin(reply: GrafanaReply) -> Finding:
    if reply.status == 404:
        return failure("not installed", INSTALL)
    if reply.status != 200:
        return failure(f"cannot be looked up: {reply.message}", ROLE)
    text = str(model(reply.mapping().get("info")).get("version") or "")
    version = Version.read(text)
    if version is None:
        return warning("hides its version", f"make sure that it is {shipped.MIN_PLUGIN} or newer")
    if version < shipped.MIN_PLUGIN or version >= shipped.UNKNOWN_PLUGIN:
        return failure(
            f"version {text}, and {shipped.MIN_PLUGIN} or newer below {shipped.UNKNOWN_PLUGIN} is"
            " needed",
            INSTALL,
        )
    if version >= shipped.UNTRIED_PLUGIN:
        return warning(
            f"version {text} has not been tried with these dashboards",
            "if a query below fails, install 3.11",
        )
    return ok(f"version {text}")


def _source(grafana: GrafanaClient, uid: str, now: int) -> Iterator[tuple[str, Finding]]:
    reply = grafana.source(uid)
    if reply.status == 404:
        yield uid, failure("there is no data source with this uid", PROVISION_SOURCE)
        return
    if reply.status != 200:
        yield uid, failure(f"cannot be looked up: {reply.message}", ROLE)
        return
    source = reply.mapping()
    if source.get("type") != shipped.INFINITY:
        yield (
            uid,
            failure(
                f"is of type {source.get('type')} and has to be {shipped.INFINITY}",
                PROVISION_SOURCE,
            ),
        )
        return
    yield uid, ok(f"of the right type, asks {source.get('url') or 'no address'}")
    if not model(source.get("jsonData")).get("customHealthCheckUrl"):
        yield (
            "settings",
            warning(
                "no customHealthCheckUrl: a wrong token passes the health check", PROVISION_SOURCE
            ),
        )
    yield "health", _health(grafana, uid, now)


def _health(grafana: GrafanaClient, uid: str, now: int) -> Finding:
    health = grafana.source_health(uid)
    if health.status == 403:
        return failure(f"may not be asked with this token: {health.message}", ROLE)
    reached = health.status == 200 and health.mapping().get("status") in (None, "OK")
    if reached or "status code : 404" in health.message:
        return server_behind(grafana, uid, now)
    refused = "401" in health.message.partition(" ")[2]
    return failure(
        f"Grafana says: {health.message}", SENT_TOKEN if refused else remedy_for(health.message)
    )


def _known(reply: GrafanaReply) -> tuple[tuple[str, str], ...]:
    """(uid, type), default data sources first, then as Grafana sorts them, by name."""
    ordered = sorted(
        reply.items(),
        key=lambda source: (not source.get("isDefault"), str(source.get("name")).lower()),
    )
    return tuple((str(source.get("uid")), str(source.get("type"))) for source in ordered)


def _dashboard(grafana: GrafanaClient, uid: str, sources: Sources, now: int) -> Iterator[Check]:
    reply = grafana.dashboard(uid)
    section = f"dashboard {uid}"
    if reply.status == 404:
        yield Check(section, "loaded", failure("not there", PROVISION_DASHBOARDS))
    elif reply.status == 406:
        yield Check(
            section,
            "loaded",
            warning(
                "has been stored in the second schema, and is not checked", PROVISION_DASHBOARDS
            ),
        )
    elif reply.status != 200:
        yield Check(section, "loaded", failure(f"cannot be looked up: {reply.message}", ROLE))
    else:
        content = model(reply.mapping().get("dashboard"))
        yield Check(section, "loaded", ok(str(content.get("title"))))
        for name, finding in Dashboard(content, grafana, sources, now).check():
            yield Check(section, name, finding)


def _rules(grafana: GrafanaClient, sources: Sources, now: int) -> Iterator[Check]:
    reply = grafana.rules()
    evaluated = grafana.rule_states()
    if reply.status != 200:
        yield Check("alert rules", "loaded", failure(f"cannot be looked up: {reply.message}", ROLE))
        return
    rules = {str(rule.get("uid")): rule for rule in reply.items()}
    for uid in shipped.RULES:
        section = f"rule {uid}"
        if uid not in rules:
            yield Check(section, "loaded", failure("not there", PROVISION_RULES))
            continue
        if evaluated.status != 200:
            yield Check(
                section, "state", warning(f"cannot be looked up: {evaluated.message}", ROLE)
            )
        else:
            yield Check(section, "state", state_of(rules[uid], rule_states(evaluated.mapping())))
        for name, finding in check_rule(rules[uid], grafana, sources, now):
            yield Check(section, name, finding)
