"""The texts that settings may hold: the pattern and the description of each."""

from plugin.config.field_types import SecretField, TextField

# The columns of our rows, and labels that Grafana sets: a label of the same name would be lost.
RESERVED_LABELS = (
    "watch",
    "series",
    "alertname",
    "grafana_folder",
    "time",
    "value",
    "expected",
    "lower",
    "upper",
    "score",
)

NAME = TextField(
    "a name of letters, digits, _ and -, not beginning with a digit or -",
    r"[a-zA-Z_][a-zA-Z0-9_-]*",
)
DETECTOR = TextField("the name of a detector such as lstm", NAME.pattern)
LABEL_NAME = TextField(
    f"a Prometheus label name other than __… and {', '.join(RESERVED_LABELS)}",
    rf"(?!__|(?:{'|'.join(RESERVED_LABELS)})$)[a-zA-Z_][a-zA-Z0-9_]*",
)
SERIES_LABEL = TextField("the name of a label of the series", r"[^\s\"{}=,]+")
LABEL_VALUE = TextField("text that is not empty")
HEADER_NAME = TextField(
    "the name of an HTTP header", r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", before_colon=True
)
HEADER_VALUE = SecretField("text in one line, in quotes", r"[^\r\n]+")
TOKEN = SecretField("a token: text without spaces or line breaks, in quotes", r"[!-~]+")
PASSWORD = SecretField("a password: text that is not empty, in quotes", r"(?s).+")
SUBDIVISION = TextField("a part of the country, such as BE", r"(?s).*")
USERNAME = TextField("a user name without :", r"[^:\r\n]+", before_colon=True)
UNIT = TextField("a unit of Grafana such as reqps, s, bytes or percentunit", r"[^\r\n]*")
FILE = TextField("the path of a file")
CALENDAR_PATH = TextField("the path of an .ics file, or of a folder of them")
SELECTOR = TextField('a Prometheus selector in quotes such as {job="api"}', r"(?s).*")
MOMENT = TextField("a time such as 2026-11-21T02:00")
RULE = TextField("a rule of iCalendar such as FREQ=WEEKLY;BYDAY=SA", r"(?s).*")
TITLE = TextField("text that is not empty, without control characters", r"[^\x00-\x1f\x7f-\x9f]+")
REMARK = TextField("text without control characters", r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]*")
