"""Sessions: what a browser has after signing in, so that it need not send a password.

A session is a signed text in a cookie. It names the credential by which its owner came in and
until when it lasts, and holds no secret. It ends early when that credential is taken out of the
configuration or changed. The key is in a file of the folder of the store, so that sessions outlast
a restart.
"""

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from flask import Response, request
from itsdangerous import BadSignature, URLSafeSerializer

from plugin.config import WebSettings
from plugin.web.auth import Credential
from plugin.web.key_file import read_key

PURPOSE = b"bandwatch session 1"
KEY_FILE = "session.key"
MARK_BYTES = 16
NAME_BYTES = 4


class Sessions:
    """Starts, reads and ends the session of a browser."""

    def __init__(
        self, settings: WebSettings, credentials: Sequence[Credential], folder: Path
    ) -> None:
        """folder: of the store. Raises StoreError when the key can neither be read nor made."""
        self._expiry = settings.session_expiry
        self._encrypted = urlsplit(settings.external_url or "").scheme == "https"
        key = read_key(folder / KEY_FILE, "everyone signs in again") if credentials else b""
        self._credentials = {_mark(key, credential): credential for credential in credentials}
        self._serializer = URLSafeSerializer(
            key,
            salt=PURPOSE,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        # A browser keeps one set of cookies for all ports of a host.
        self._cookie = f"bandwatch_{hashlib.sha256(PURPOSE + key).hexdigest()[: 2 * NAME_BYTES]}"

    def start(self, response: Response, credential: Credential, now: float) -> None:
        """Gives the browser a session by this credential. now: unix seconds."""
        mark = next(mark for mark, other in self._credentials.items() if other is credential)
        content = {"credential": mark, "until": int(now) + self._expiry}
        response.set_cookie(
            self._cookie,
            self._serializer.dumps(content),
            max_age=self._expiry,
            secure=self._encrypted or request.is_secure,
            httponly=True,
            samesite="Lax",  # a link in a message is followed with it, a form of elsewhere is not
        )

    def credential(self, now: float) -> Credential | None:
        """That of the session of this request; None = it has none, or one that is over."""
        text = request.cookies.get(self._cookie)
        if text is None:
            return None
        try:
            content = self._serializer.loads(text)
        except BadSignature:
            return None
        return self._credentials.get(content["credential"]) if now < content["until"] else None

    def end(self, response: Response) -> None:
        """Takes the session from the browser."""
        response.delete_cookie(self._cookie)


def _mark(key: bytes, credential: Credential) -> str:
    """Names a credential; without the key nobody can try passwords on it."""
    name = b"\0".join((credential.digest, credential.name.encode()))
    return hmac.new(key, PURPOSE + name, hashlib.sha256).hexdigest()[: 2 * MARK_BYTES]
