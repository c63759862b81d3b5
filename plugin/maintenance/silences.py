"""Windows from the silences of an Alertmanager, or of the one inside Grafana: `GET
/api/v2/silences`.

The answer is that of Alertmanager's OpenAPI 2 description (`gettableSilences`); a matcher without
`isEqual` is one of a version before 0.22, which had no other kind.
"""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import requests

from plugin import selectors
from plugin.config import AlertmanagerSettings
from plugin.domain.windows import Window, plain
from plugin.errors import PrometheusError, SelectorError, SourceFailed
from plugin.maintenance.matching import ALERTS
from plugin.prometheus.credentials import introduce, public_url, without_user
from plugin.selectors import Matcher
from plugin.version import VERSION

PATH = "/api/v2/silences"
MAX_BYTES = 16 << 20
PIECE = 1 << 16
SECTION = "maintenance.alertmanagers"  # of the settings


def ask(settings: AlertmanagerSettings) -> list[Window]:
    """Every silence that is there and may be about our alerts, expired ones too.

    Raises SourceFailed.
    """
    url = public_url(settings.url)
    deadline = time.monotonic() + 2 * settings.timeout
    with requests.Session() as session:
        session.headers.update({"User-Agent": f"bandwatch/{VERSION}", "Accept": "application/json"})
        try:
            introduce(session, settings, SECTION)
            with session.get(
                without_user(settings.url) + PATH,
                stream=True,
                allow_redirects=False,
                timeout=(settings.timeout, settings.timeout),
                verify=session.verify,
            ) as answer:
                body = b""
                for piece in answer.iter_content(PIECE):
                    body += piece
                    if len(body) > MAX_BYTES or time.monotonic() > deadline:
                        raise SourceFailed(
                            "unavailable", f"{url}: the answer is too long or too slow"
                        )
        except PrometheusError as error:  # of a file with a secret
            raise SourceFailed("refused", str(error)) from error
        except ValueError:  # its text repeats the header, which may be a secret
            raise SourceFailed(
                "refused", f"{url}: the url, a header or a secret cannot be sent"
            ) from None
        except (requests.RequestException, OSError) as error:
            raise SourceFailed(
                "unavailable",
                f"{url} does not answer ({type(error).__name__}): is it running, is "
                f"`{SECTION}` right?",
            ) from error
    if not answer.ok:
        raise SourceFailed(
            "unavailable" if answer.status_code >= 500 else "refused",
            f"{url} answered {answer.status_code}: check its url and credentials in `{SECTION}`",
        )
    return read(body, url)


def read(body: bytes, url: str) -> list[Window]:
    """The windows of an answer. Raises SourceFailed."""
    try:
        return list(_windows(json.loads(body), url))
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise SourceFailed(
            "invalid", f"{url} did not answer silences ({error!r}): is it an Alertmanager?"
        ) from error


def _windows(silences: Iterable[Any], url: str) -> Iterator[Window]:
    for silence in silences:
        begin = _unix(silence["startsAt"])
        end = _unix(silence["endsAt"])
        matchers = [_matcher(each) for each in silence["matchers"]]
        text = (
            "{"
            + ",".join(
                f"{each.name}{each.operator}{json.dumps(each.value, ensure_ascii=False)}"
                for each in matchers
            )
            + "}"
        )
        try:
            selectors.parse(text)
        except SelectorError:  # a name that no label of ours has
            continue
        if any(_possible(matchers, alert) for alert in ALERTS):
            comment = plain(str(silence.get("comment", "")))
            yield Window(
                str(silence["id"]),
                f"silence: {comment}" if comment else "silence",
                text,
                (),
                datetime.fromtimestamp(begin, UTC).isoformat(),
                end - begin,
                comment=comment,
                by=plain(str(silence.get("createdBy", ""))),
                created=begin,
                source=url,
                alerts=True,
            )


def _matcher(given: Any) -> Matcher:
    operator = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}[
        bool(given.get("isEqual", True)), bool(given["isRegex"])
    ]
    return Matcher(str(given["name"]), operator, str(given["value"]))


def _possible(matchers: Iterable[Matcher], alert: str) -> bool:
    return all(each.matches({"alertname": alert}) for each in matchers if each.name == "alertname")


def _unix(text: str) -> int:
    """RFC 3339, with as many digits of a second as Go writes."""
    whole, _, rest = text.partition(".")
    zone = rest.lstrip("0123456789")
    return int(datetime.fromisoformat(whole + zone if rest else text).timestamp())
