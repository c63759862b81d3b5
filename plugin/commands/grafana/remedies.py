"""What to do about an error or a notice of Grafana.

Its texts are those of Infinity 3.11, seen on a running Grafana.
"""

import re

PROJECT = "this is a fault of Bandwatch: please report it with this line"
SHIPPED_FILE = "in Grafana, use the file that this version of Bandwatch ships"
WAIT = (
    "nothing may have been scored in this range yet: look at /api/v1/watches of Bandwatch, and"
    " check again a few minutes after its start"
)
SENT_TOKEN = (
    "Bandwatch refuses the token of Grafana's data source: BANDWATCH_TOKEN in Grafana's environment"
    " must be the `read_token` of Bandwatch; restart Grafana after a change"
)
NO_TOKEN = (
    "the data source has no token, and Infinity sends nothing without one: set BANDWATCH_TOKEN in"
    " Grafana's environment to the `read_token` of Bandwatch (any text where Bandwatch has none),"
    " and restart Grafana"
)
OTHER_SERVER = (
    "BANDWATCH_URL in Grafana's environment must be the address of Bandwatch, such as"
    " http://bandwatch:8642; restart Grafana after a change"
)
OLDER = "upgrade Bandwatch: the files in Grafana are those of a newer one"
LOG = "Bandwatch failed to answer: see its log"
VERSIONS = (
    "Bandwatch does not know what was asked: are its version and that of the dashboards and rules"
    " in Grafana the same, and is BANDWATCH_URL its address without a path?"
)
ADDRESS = (
    "Grafana does not reach Bandwatch: BANDWATCH_URL in Grafana's environment must be an address"
    " that works from where Grafana runs, and Bandwatch must run"
)
TOKEN = (
    "make a token for a service account in Grafana (Administration, Users and access, Service"
    " accounts) with the role Viewer; a token may also have expired, or belong to another Grafana"
)
ROLE = (
    "give the service account the role Viewer or more; where Enterprise enforces permissions, also"
    " Query on the data source, View on the folder Bandwatch, and reading of alert rules"
)
INSTALL = (
    "install the plugin: GF_PLUGINS_PREINSTALL_SYNC=yesoreyeram-infinity-datasource@3.11.1 in"
    " Grafana's environment, or `grafana cli plugins install yesoreyeram-infinity-datasource"
    " 3.11.1`, then a restart"
)
PROVISION_SOURCE = (
    "mount grafana/provisioning/datasources where Grafana looks for provisioning, set BANDWATCH_URL"
    " and BANDWATCH_TOKEN in its environment, and restart it; --datasource names one of another uid"
)
PROVISION_DASHBOARDS = (
    "mount grafana/dashboards and grafana/provisioning/dashboards as docker-compose.yml does, and "
    "restart Grafana"
)
PROVISION_RULES = (
    "mount grafana/provisioning/alerting where Grafana looks for provisioning, and restart it"
)
SOURCES = "see the lines on data sources and variables above"
SCRAPE = (
    "let the Prometheus of this data source scrape /metrics of Bandwatch, with its `read_token`; or"
    " choose another data source in the dashboard"
)

REMEDIES = (  # pattern of a text, remedy
    (r"invalid or empty bearer token", NO_TOKEN),
    (r"status code : 401|status code : 403|status code : 429", SENT_TOKEN),
    (r"status code : 4\d\d", VERSIONS),
    (r"status code : 5\d\d", LOG),
    (
        r"not allowed|allowed hosts",
        "`allowedHosts` of the data source must name the same address as its `url`",
    ),
    (r"connection refused|no such host|no route to host|i/o timeout|connection reset", ADDRESS),
    (
        r"deadline exceeded|Client\.Timeout|context canceled",
        (
            "Bandwatch took longer than `timeoutInSeconds` of the data "
            "source: see its load, and whether Grafana reaches it quickly"
        ),
    ),
    (
        r"empty response body|invalid character|unexpected end of JSON",
        (
            "something between Grafana and Bandwatch answers "
            "in its place: is BANDWATCH_URL the address of Bandwatch itself?"
        ),
    ),
    (
        (
            r"[Pp]lugin (unavailable|not"
            r" (found|registered))|plugin\.(unavailable|notRegistered|notFound)"
        ),
        "the plugin of this data source does not run: see Grafana's log",
    ),
    (
        r"[Dd]ata ?source not found|[Ff]ailed to (get|find) data ?source",
        (
            "the data source of this query is missing in "
            "Grafana: provision it, or choose another in the dashboard's variable"
        ),
    ),
    (
        r"parse error|bad_data",
        "the expression is not valid PromQL for this Prometheus: is it older than 2.42?",
    ),
)


def remedy_for(text: str) -> str:
    """What to do about an error or a notice of Grafana."""
    return next(
        (remedy for pattern, remedy in REMEDIES if re.search(pattern, text)),
        "see Grafana's log at the time of this check",
    )
