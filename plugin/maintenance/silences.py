"""Windows from the silences of an Alertmanager, or of the one inside Grafana: `GET
/api/v2/silences`.

The answer follows Alertmanager's OpenAPI 2 description (`gettableSilences`). A matcher without
`isEqual` comes from a version before 0.22, where every matcher was an equal one.
"""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import requests

from plugin import selectors
from plugin.config import AlertmanagerSettings
from plugin.domain.windows import Window, one_line
from plugin.errors import PrometheusError, SelectorError, SourceFailed
from plugin.maintenance.matching import ALERT_NAMES
from plugin.prometheus.credentials import configure_session, public_url, without_user
from plugin.selectors import Matcher
from plugin.series import is_text
from plugin.version import VERSION

PATH = "/api/v2/silences"
MAX_BYTES = 16 << 20
PIECE_BYTES = 1 << 16
SECTION = "maintenance.alertmanagers"  # of the settings


def fetch_silences(settings: AlertmanagerSettings) -> list[Window]:
    """Every silence that may be about our alerts, expired ones too.

    Raises SourceFailed.
    """
    url = public_url(settings.url)
    try:
        status, body = _get(settings, url)
    except PrometheusError as error:  # a secret file cannot be read
        raise SourceFailed("refused", str(error)) from error
    except ValueError:  # its text repeats the header, which may be a secret
        raise SourceFailed(
            "refused", f"{url}: the url, a header or a secret cannot be sent"
        ) from None
    except (requests.RequestException, OSError) as error:
        raise SourceFailed(
            "unavailable",
            f"{url} does not answer ({type(error).__name__}): is it running, is `{SECTION}` right?",
        ) from error
    if status >= 400:
        raise SourceFailed(
            "unavailable" if status >= 500 else "refused",
            f"{url} answered {status}: check its url and credentials in `{SECTION}`",
        )
    return read_silences(body, url)


def _get(settings: AlertmanagerSettings, url: str) -> tuple[int, bytes]:
    """Status and body of one request. Raises SourceFailed for a body that is too long or slow."""
    deadline = time.monotonic() + 2 * settings.timeout
    with requests.Session() as session:
        session.headers.update({"User-Agent": f"bandwatch/{VERSION}", "Accept": "application/json"})
        configure_session(session, settings, SECTION)
        with session.get(
            without_user(settings.url) + PATH,
            stream=True,
            allow_redirects=False,
            timeout=(settings.timeout, settings.timeout),
            verify=session.verify,
        ) as response:
            body = b""
            for piece in response.iter_content(PIECE_BYTES):
                body += piece
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise SourceFailed("unavailable", f"{url}: the answer is too long or too slow")
            return response.status_code, body


def read_silences(body: bytes, url: str) -> list[Window]:
    """The windows of an answer. Raises SourceFailed."""
    try:
        return list(_windows(json.loads(body), url))
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise SourceFailed(
            "invalid", f"{url} did not answer silences ({error!r}): is it an Alertmanager?"
        ) from error


def _windows(silences: Iterable[Any], url: str) -> Iterator[Window]:
    for silence in silences:
        start = _unix_time(silence["startsAt"])
        end = _unix_time(silence["endsAt"])
        matchers = [_matcher(matcher) for matcher in silence["matchers"]]
        selector = ",".join(
            f"{matcher.name}{matcher.operator}{json.dumps(matcher.value, ensure_ascii=False)}"
            for matcher in matchers
        )
        try:
            selectors.parse(f"{{{selector}}}")
        except SelectorError:  # no label of a series has such a name
            continue
        if not is_text({str(silence["id"]): selector}):  # no series has such a label
            continue
        if any(_may_match(matchers, alert) for alert in ALERT_NAMES):
            comment = one_line(str(silence.get("comment", "")))
            yield Window(
                id=str(silence["id"]),
                name=f"silence: {comment}" if comment else "silence",
                match=f"{{{selector}}}",
                watch=(),
                start=datetime.fromtimestamp(start, UTC).isoformat(),
                seconds=end - start,
                comment=comment,
                by=one_line(str(silence.get("createdBy", ""))),
                created=start,
                source=url,
                alerts=True,
            )


def _matcher(matcher: Any) -> Matcher:
    operator = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}[
        bool(matcher.get("isEqual", True)), bool(matcher["isRegex"])
    ]
    return Matcher(str(matcher["name"]), operator, str(matcher["value"]))


def _may_match(matchers: Iterable[Matcher], alert: str) -> bool:
    """Whether the silence can be about alerts of this name."""
    return all(
        matcher.matches({"alertname": alert}) for matcher in matchers if matcher.name == "alertname"
    )


def _unix_time(text: str) -> int:
    """Unix seconds of an RFC 3339 time with any number of fraction digits, as Go writes them."""
    whole, _, rest = text.partition(".")
    zone = rest.lstrip("0123456789")
    return int(datetime.fromisoformat(whole + zone if rest else text).timestamp())
