"""Links that let whoever holds one answer one alarm, and nothing else, until they expire.

A link carries HMAC-SHA256 (RFC 2104) over what it is about and when it ends. The key is derived
from web.write_token, so that a new token ends all links; without a token it lies in a file of the
store's folder.
"""

import hashlib
import hmac
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from plugin.config import WebSettings
from plugin.errors import RequestError, StoreError

ABOUT = ("incident", "watch", "series", "at")  # what a link may name
PURPOSE = b"bandwatch feedback link 1"  # another use of the token has another key
KEY_FILE = "link.key"
ROUND = 3600  # seconds: links made within an hour are the same


class SignedLinks:
    """Makes and checks links."""

    def __init__(self, settings: WebSettings, folder: Path) -> None:
        """folder: of the store. Raises StoreError when the key can neither be read nor made."""
        self._base = settings.external_url
        self._expiry = settings.link_expiry
        token = settings.write_token
        secret = (
            token.get_secret_value().encode() if token is not None else _kept(folder / KEY_FILE)
        )
        self._key = hmac.digest(secret, PURPOSE, hashlib.sha256)

    @property
    def offered(self) -> bool:
        """Whether anyone knows where people reach us."""
        return self._base is not None

    def url(self, about: Mapping[str, str], now: float) -> str:
        """Where an answer can be given: "" without web.external_url. about: some of ABOUT."""
        if self._base is None:
            return ""
        return f"{self._base}/feedback?{urlencode(self.signed(about, now, self._expiry))}"

    def signed(self, about: Mapping[str, str], now: float, seconds: int) -> dict[str, str]:
        """The parameters of a link that is valid for at least so many seconds."""
        expires = -(-(int(now) + seconds) // ROUND) * ROUND
        named = {name: about[name] for name in ABOUT if about.get(name)}
        return {**named, "expires": str(expires), "signature": self._signature(named, str(expires))}

    def check(self, given: Mapping[str, str], now: float) -> None:
        """Raises RequestError when a link was not made by us, was changed, or has expired."""
        named = {name: given[name] for name in ABOUT if given.get(name)}
        expires = given.get("expires", "")
        signature = given.get("signature", "")
        if not hmac.compare_digest(self._signature(named, expires).encode(), signature.encode()):
            raise RequestError(
                "this link was not made by this service, or it was changed, or web.write_token is "
                "another one now: follow a new link, or answer with `bandwatch feedback add`",
                field="signature",
                status=403,
                code="bad_link",
            )
        if now > int(expires):  # it is a number: we have signed it
            raise RequestError(
                "this link has expired: follow a new one from the dashboard, or answer with "
                "`bandwatch feedback add`",
                field="expires",
                status=403,
                code="expired_link",
            )

    def _signature(self, named: Mapping[str, str], expires: str) -> str:
        text = json.dumps([[name, named.get(name, "")] for name in ABOUT] + [["expires", expires]])
        return (
            urlsafe_b64encode(hmac.digest(self._key, text.encode(), hashlib.sha256))
            .rstrip(b"=")
            .decode()
        )


def _kept(path: Path) -> bytes:
    """The secret of this file, which only its owner may read; made where there is none."""
    try:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
        else:
            secret = secrets.token_bytes(32)
            with os.fdopen(file, "wb") as made:
                made.write(secret)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}: check `store.path` and its permissions"
        ) from error
    if len(secret) != 32:
        raise StoreError(
            f"{path}: is not a key of ours: remove it, and all links that were made end"
        )
    return secret
