"""A running service, as the commands that act on one reach it: over HTTP, with a token."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from plugin.errors import BandwatchError, ConfigError
from plugin.version import VERSION

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
SHOWN = 300  # characters of an answer that is not ours


@dataclass(frozen=True)
class ServiceClient:
    """The HTTP API of one service.

    Every call returns parsed JSON and raises BandwatchError in the service's words.
    """

    url: str  # without a slash at the end
    token: str = ""  # "" = none

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> object:
        return self._ask("GET", path, parameters=parameters)

    def post(self, path: str, body: Mapping[str, object]) -> object:
        return self._ask("POST", path, body=body)

    def delete(self, path: str, parameters: Mapping[str, str] | None = None) -> object:
        return self._ask("DELETE", path, parameters=parameters)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> object:
        with requests.Session() as session:
            session.trust_env = (
                False  # neither a proxy nor a .netrc stands between us and the service
            )
            headers = {"User-Agent": f"bandwatch/{VERSION}"}
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
            try:
                answer = session.request(
                    method,
                    self.url + path,
                    params=parameters,
                    json=body,
                    headers=headers,
                    timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                    allow_redirects=False,
                )
            except (requests.RequestException, ValueError) as error:
                raise BandwatchError(
                    f"{self.url} does not answer ({type(error).__name__}): does `bandwatch run` run"
                    " there? --url names another address"
                ) from error
        return self._read(answer)

    def _read(self, answer: requests.Response) -> object:
        try:
            said: object = answer.json()
        except (json.JSONDecodeError, requests.JSONDecodeError):
            said = None
        if answer.ok and said is not None:
            return said
        error = said.get("error") if isinstance(said, dict) else None
        words = error.get("message") if isinstance(error, dict) else None
        if words is None:
            words = (
                f"{answer.status_code} {answer.text[:SHOWN].strip() or 'without a word'}: is this a"
                " Bandwatch?"
            )
        hint = (
            "; give a token by --token, --token-file or BANDWATCH_TOKEN"
            if answer.status_code == 401
            else ""
        )
        raise BandwatchError(f"{self.url}: {words}{hint}")


def given_token(token: str, file: str, variable: str) -> str:
    """Of --token-file, --token or the environment's variable; "" = none.

    Raises ConfigError; never prints it.
    """
    if token and file:
        raise ConfigError("--token and --token-file are both given: one of them is enough")
    if not file:
        return token or os.environ.get(variable, "")
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ConfigError(f"--token-file {file}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"--token-file {file}: is not text") from None
