"""The types of values that point somewhere: queries, URLs, addresses, time zones, countries."""

import ipaddress
import re
import zoneinfo
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from plugin.config.field_types import FieldType
from plugin.config.problems import InvalidValue, display_text, nearest_name, quote
from plugin.domain.public_holidays import country_meant, subdivisions_by_country
from plugin.public_addresses import public_part, written_url

WITH_CREDENTIALS = "a URL with credentials (not shown)"
NO_ADDRESS = "text that is no URL (not shown, as it may hold a password)"
WRITE_PATH = "/api/v1/write"  # of Prometheus

_CLOSING = {"(": ")", "[": "]", "{": "}"}
# The parts of PromQL that matter for balanced brackets: strings, comments and brackets.
_PROMQL = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`|#[^\n]*|["\'`()\[\]{}]')


class QueryField(FieldType):
    """A PromQL expression. Only what needs no Prometheus is checked."""

    valid = "a PromQL expression that gives instant vectors"

    def read(self, value: object) -> str:
        if isinstance(value, dict):
            raise InvalidValue("a mapping", f"{self.valid}, in quotes where it begins with {{")
        query = self.text(value)
        unbalanced = _unbalanced(query)
        if unbalanced:
            raise InvalidValue(f"{display_text(query)} with {unbalanced}", self.valid)
        if re.search(r"\[[^\[\]:]*\]\s*$", query):
            meant = quote(f"rate({query.strip()})")
            raise InvalidValue(f"the range vector {display_text(query)}", self.valid, meant)
        return query


class UrlField(FieldType):
    """The base URL of a Prometheus."""

    valid = "the base URL of Prometheus such as http://localhost:9090"

    def read(self, value: object) -> str:
        text, parts = self._split(value)
        pages = ("/api/v1", "/graph", "/query")
        if parts is None or parts.query or parts.fragment or parts.path.rstrip("/").endswith(pages):
            raise self._refused(text, _meant_url(text))
        return text.rstrip("/")

    def _split(self, value: object) -> tuple[str, SplitResult | None]:
        """The text and its parts; None if it is not the URL of a server."""
        text = self.text(value).strip()
        try:
            parts = urlsplit(text)  # leaves tabs and line breaks out
            _ = parts.port  # raises when it is not a port
            if re.search(r"[\s\x00-\x1f\x7f]", text):
                raise ValueError("a URL has no spaces")
        except ValueError:
            raise self._refused(text, None) from None
        return text, parts if parts.scheme in ("http", "https") and parts.hostname else None

    def _refused(self, text: str, meant: str | None) -> InvalidValue:
        return InvalidValue(found_address(text), self.valid, None if "@" in text else meant)

    def write(self, value: Any) -> str:
        return written_url(str(value))


class ApiUrlField(UrlField):
    """The base URL of an Alertmanager."""

    valid = (
        "the base URL of an Alertmanager such as http://localhost:9093, of Grafana's own "
        "http://localhost:3000/api/alertmanager/grafana"
    )

    def read(self, value: object) -> str:
        text, parts = self._split(value)
        if (
            parts is None
            or parts.query
            or parts.fragment
            or re.search(r"/api/v\d|/silences", parts.path)
        ):
            raise self._refused(text, None)
        return text.rstrip("/")


class ExternalUrlField(UrlField):
    """The base URL at which people reach this service, perhaps behind a proxy and with a path."""

    valid = "the URL at which people reach Bandwatch such as https://bandwatch.example.org"

    def read(self, value: object) -> str:
        text, parts = self._split(value)
        if parts is None or parts.query or parts.fragment or "@" in text:
            raise self._refused(text, None)
        return text.rstrip("/")


class PeopleUrlField(ExternalUrlField):
    """The base URL at which people reach Prometheus or Grafana with a browser."""

    valid = "the URL at which people reach it such as https://grafana.example.org"


class WriteUrlField(UrlField):
    """The whole URL of a receiver of remote write."""

    valid = f"the whole URL that takes remote write such as http://localhost:9090{WRITE_PATH}"

    def read(self, value: object) -> str:
        text, parts = self._split(value)
        if parts is None or parts.fragment or parts.path in ("", "/"):
            meant = _meant_url(text)
            raise self._refused(text, meant and quote(meant.strip('"') + WRITE_PATH))
        return text


class AddressField(FieldType):
    """Where to listen."""

    valid = "HOST:PORT such as 127.0.0.1:8642, [::1]:8642 or :8642 for all addresses"

    def read(self, value: object) -> str:
        port = str(value) if isinstance(value, int) else value
        if isinstance(port, str) and port.isdecimal():
            raise InvalidValue(display_text(value), self.valid, quote(f"127.0.0.1:{port}"))
        text = self.text(value)
        try:
            split_address(text)
        except ValueError:
            bare = re.fullmatch(r"[\w.-]+", text)
            raise InvalidValue(
                display_text(text), self.valid, quote(f"{text}:8642") if bare else None
            ) from None
        return text


class TimezoneField(FieldType):
    """A name of the IANA time zone database."""

    valid = "an IANA time zone such as UTC or Europe/Vienna"

    def read(self, value: object) -> str:
        name = self.text(value)
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidValue(
                display_text(name), self.valid, lambda: _nearest_zone(name)
            ) from None
        return name


class CountryField(FieldType):
    """The code of a country whose holidays are known."""

    valid = "a country as ISO 3166 writes it, such as DE, FR or US"

    def read(self, value: object) -> str:
        country = self.text(value)
        if country not in subdivisions_by_country():
            raise InvalidValue(display_text(country), self.valid, lambda: _nearest_country(country))
        return country


def found_address(text: str) -> str:
    """A text that is refused as an address, as a message may repeat it."""
    if "@" in text:
        return WITH_CREDENTIALS
    part = public_part(text)
    return display_text(part) if part else NO_ADDRESS


def split_address(address: str) -> tuple[str, int]:
    """`[::1]:8642` -> ("::1", 8642); the host is empty for all addresses. Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]*)):(\d{1,5})", address, re.ASCII)
    if not match or int(match[3]) > 65_535:
        raise ValueError(f"not HOST:PORT: {address!r}")
    if match[1]:
        ipaddress.IPv6Address(match[1])
    return match[1] or match[2], int(match[3])


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a listen address. localhost is the only name that
    counts."""
    host, _ = split_address(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unbalanced(query: str) -> str | None:
    """What is wrong with the brackets and quotes of a query; None if they are balanced."""
    opened: list[str] = []
    for match in _PROMQL.finditer(query):
        token = match[0]
        if token in _CLOSING:
            opened.append(token)
        elif token in _CLOSING.values():
            if not opened or _CLOSING[opened.pop()] != token:
                return f"a {token} that closes nothing"
        elif len(token) == 1 and token != "#":
            return f"a quote {token} that is never closed"
    return f"a {opened[-1]} that is never closed" if opened else None


def _meant_url(text: str) -> str | None:
    match = re.fullmatch(
        r"(?:(https?)://)?([\w.-]+(?::\d{1,5})?)((?:/[\w.-]+)*?)(?:/(?:api/v1|graph|query))?/?(?:[?#].*)?",
        text,
    )
    return quote(f"{match[1] or 'http'}://{match[2]}{match[3]}") if match else None


def _nearest_country(name: str) -> str | None:
    meant = country_meant(name)
    return quote(meant) if meant else None


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())  # reads a folder of many files


def _nearest_zone(name: str) -> str | None:
    zones = _zone_names()
    same_city = sorted(
        (zone for zone in zones if zone.split("/")[-1].casefold() == name.strip().casefold()),
        key=lambda zone: (zone.count("/"), zone),
    )
    return quote(same_city[0]) if same_city else nearest_name(name, zones)
