"""Which metrics a Prometheus holds, and of what type they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugin.config.model import PrometheusSettings
from plugin.errors import AnswerInvalid, PrometheusError, QueryRejected
from plugin.prometheus.credentials import public_url
from plugin.prometheus.transport import MAX_BYTES, Transport


@dataclass(frozen=True)
class MetricCatalogue:
    """The names of the metrics, and the types of those that have one: `counter`, `gauge`,
    `histogram`, `summary`."""

    names: frozenset[str]
    types: Mapping[str, str]
    warnings: tuple[str, ...] = ()  # what could not be read


def read_catalogue(settings: PrometheusSettings, start: int, end: int) -> MetricCatalogue:
    """The metrics that had a sample from `start` to `end`, unix seconds.

    A server without metadata, as some that speak the API of Prometheus, is no error. Raises a
    PrometheusError.
    """
    timeout = (settings.connect_timeout, settings.read_timeout)
    url = public_url(settings.url)
    with Transport(settings, MAX_BYTES) as transport:
        transport.get(
            f"{url}/api/v1/label/__name__/values",
            params={"start": start, "end": end},
            timeout=timeout,
        )
        names = _names(transport.envelope["data"], url)
        try:
            transport.get(f"{url}/api/v1/metadata", timeout=timeout)
            return MetricCatalogue(names, _types(transport.envelope["data"], url))
        except (AnswerInvalid, QueryRejected) as error:
            return MetricCatalogue(names, {}, (f"the types of the metrics are not known: {error}",))


def _names(data: Any, url: str) -> frozenset[str]:
    if data is None:  # as Prometheus' clients write an empty list
        return frozenset()
    if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
        raise _unexpected(url, "names of metrics", "a list of texts")
    return frozenset(data)


def _types(data: Any, url: str) -> dict[str, str]:
    """Of targets that disagree the first one counts."""
    try:
        return {name: str(entries[0]["type"]) for name, entries in data.items() if entries}
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise _unexpected(url, "metadata", "a list of types for each name") from error


def _unexpected(url: str, what: str, valid: str) -> PrometheusError:
    return AnswerInvalid(
        f"Prometheus at {url} answered something else than {what}: valid is {valid}; is it the"
        " address of a Prometheus API?"
    )
