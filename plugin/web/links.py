"""Signed links: the holder of a link can give feedback on one alarm until the link expires, and do
nothing else.

The signature is over what the link names and when it ends. The key is derived from web.write_token,
so a new token ends all links. Without a token it is in a file of the folder of the store.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from itsdangerous import Signer

from plugin.config import WebSettings
from plugin.errors import RequestError
from plugin.web.key_file import read_key

NAMES = ("incident", "watch", "series", "at")  # what a link may name
PURPOSE = b"bandwatch feedback link 1"  # another use of the token has another key
KEY_FILE = "link.key"
ROUND_SECONDS = 3600  # links that are made within an hour are the same


class SignedLinks:
    """Makes and checks links."""

    def __init__(self, settings: WebSettings, folder: Path) -> None:
        """folder: of the store. Raises StoreError when the key can neither be read nor made."""
        self._base = settings.external_url
        self._expiry = settings.link_expiry
        token = settings.write_token
        secret = (
            token.get_secret_value().encode()
            if token is not None
            else read_key(folder / KEY_FILE, "all links that were made end")
        )
        # HMAC-SHA256, for the key and for the signature, as in the links of older versions
        self._signer = Signer(
            secret, salt=PURPOSE, key_derivation="hmac", digest_method=hashlib.sha256
        )

    @property
    def offered(self) -> bool:
        """Whether it is known where people reach the service."""
        return self._base is not None

    def url(self, link_fields: Mapping[str, str], now: float) -> str:
        """Where feedback can be given; "" without web.external_url. link_fields: some of NAMES."""
        if self._base is None:
            return ""
        return f"{self._base}/feedback?{urlencode(self.signed(link_fields, now, self._expiry))}"

    def signed(self, link_fields: Mapping[str, str], now: float, seconds: int) -> dict[str, str]:
        """The parameters of a link that is valid for at least so many seconds."""
        expires = -(-(int(now) + seconds) // ROUND_SECONDS) * ROUND_SECONDS
        signed_fields = {name: link_fields[name] for name in NAMES if link_fields.get(name)}
        signature = self._signer.get_signature(_text(signed_fields, str(expires)))
        return {**signed_fields, "expires": str(expires), "signature": signature.decode()}

    def check(self, link: Mapping[str, str], now: float) -> None:
        """Raises RequestError when a link was not made by us, was changed, or has expired."""
        signed_fields = {name: link[name] for name in NAMES if link.get(name)}
        expires = link.get("expires", "")
        if not self._signer.verify_signature(
            _text(signed_fields, expires), link.get("signature", "")
        ):
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


def _text(signed_fields: Mapping[str, str], expires: str) -> str:
    """What is signed."""
    return json.dumps(
        [[name, signed_fields.get(name, "")] for name in NAMES] + [["expires", expires]]
    )
