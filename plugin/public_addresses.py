"""Addresses as they may be shown and logged: a user, a password or a token in one is a secret."""

import re
from urllib.parse import urlsplit

SECRET_QUERY = "?<secret>"  # in place of a query, which is where some receivers take a token

# A host, a number as its port, and a path of usual characters: nothing in it is a password.
_ADDRESS = re.compile(
    r"(?:[\w.+-]+://)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[\w./~%+-]*)?"
)


def without_user(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def public_url(url: str) -> str:
    """The URL without user, password, query and trailing slash."""
    return urlsplit(without_user(url))._replace(query="", fragment="").geturl().rstrip("/")


def written_url(url: str) -> str:
    """The URL without user and password, and with `?<secret>` in place of its query."""
    parts = urlsplit(without_user(url))
    query = SECRET_QUERY if parts.query else ""
    return parts._replace(query="", fragment="").geturl() + query


def public_part(text: str) -> str:
    """Of a text that should be an address what may be repeated: all before its query, if nothing
    in that may be a password, else ""."""
    address = re.split("[?#]", text, maxsplit=1)[0]
    if not _ADDRESS.fullmatch(address):
        return ""
    return address if address == text else f"{address}?…"
