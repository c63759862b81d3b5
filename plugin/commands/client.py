"""The HTTP API of a running service, for the commands that ask it or change it."""

import getpass
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

from plugin.errors import BandwatchError, ConfigError
from plugin.public_addresses import public_url
from plugin.version import VERSION

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
MAX_CHARACTERS = 300  # of an answer that is not ours, in an error

T = TypeVar("T")
Fields = Mapping[str, str | None]  # of a query; None = not set


@dataclass(frozen=True)
class ServiceClient:
    """The HTTP API of one service.

    Every call returns parsed JSON, and raises BandwatchError with the message of the service.
    """

    url: str  # without a slash at the end
    token: str = ""  # "" = none
    ca_file: str = ""  # of the authorities that are trusted; "" = the usual ones
    certificate: tuple[str, str] | None = None  # files of our certificate and its key

    @property
    def shown_url(self) -> str:
        """The address for messages: user and password may stand in it, as the service has users."""
        return public_url(self.url)

    def get(self, path: str, parameters: Fields | None = None) -> object:
        return self._ask("GET", path, parameters=parameters)

    def post(self, path: str, body: Mapping[str, object]) -> object:
        return self._ask("POST", path, body=body)

    def delete(self, path: str, parameters: Fields | None = None) -> object:
        return self._ask("DELETE", path, parameters=parameters)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Fields | None = None,
        body: Mapping[str, object] | None = None,
    ) -> object:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, and no .netrc in place of the token
            session.verify = self.ca_file or True
            session.cert = self.certificate
            headers = {"User-Agent": f"bandwatch/{VERSION}"}
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
            try:
                response = session.request(
                    method,
                    self.url + path,
                    params=parameters,  # requests leaves out what is None
                    json=body,
                    headers=headers,
                    timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                    allow_redirects=False,
                )
            except (requests.RequestException, OSError, ValueError) as error:
                raise self._no_answer(error) from error
        return self._read(response)

    def _no_answer(self, error: Exception) -> BandwatchError:
        if isinstance(error, requests.exceptions.SSLError) or "certificate" in str(error):
            return BandwatchError(
                f"{self.shown_url}: no TLS ({_cause(error)}): --ca-file names who has signed its "
                "certificate; where it asks for one of ours, give --cert-file and --key-file"
            )
        return BandwatchError(
            f"{self.shown_url} does not answer ({type(error).__name__}): does `bandwatch run` run"
            " there? --url names another address, https:// where it speaks TLS"
        )

    def _read(self, response: requests.Response) -> object:
        try:
            answer: object = response.json()
        except ValueError:
            answer = None
        if response.ok and answer is not None:
            return answer
        error = answer.get("error") if isinstance(answer, dict) else None
        message = error.get("message") if isinstance(error, dict) else None
        if message is None:
            text = response.text[:MAX_CHARACTERS].strip() or "without a word"
            message = f"{response.status_code} {text}: is this a Bandwatch?"
        hint = (
            "; give a token by --token, --token-file or BANDWATCH_TOKEN"
            if response.status_code == 401
            else ""
        )
        raise BandwatchError(f"{self.shown_url}: {message}{hint}")


def _cause(error: BaseException) -> str:
    """The innermost cause, in one line."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return " ".join(str(getattr(error, "strerror", None) or error).split())


def expect_object(answer: object) -> dict[str, Any]:
    """The answer as the object that it must be. Raises BandwatchError."""
    if not isinstance(answer, dict):
        raise BandwatchError("the answer is no JSON object: is this a Bandwatch? Check --url")
    return answer


def expect_rows(answer: object) -> list[dict[str, Any]]:
    """The answer as the list of objects that it must be. Raises BandwatchError."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise BandwatchError("the answer is no list of rows: is this a Bandwatch? Check --url")
    return answer


def act_on_all(targets: Iterable[T], act: Callable[[T], None]) -> None:
    """Acts on each target, whatever becomes of the others.

    Raises BandwatchError at the end, with the message of every refusal.
    """
    refusals = []
    for target in targets:
        try:
            act(target)
        except BandwatchError as error:
            refusals.append(str(error))
    if refusals:
        raise BandwatchError("\n".join(refusals))


def user_name() -> str:
    """The name of the user at this terminal; the service stores it unless it knows a better one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in a container
        return ""


def chosen_token(token: str, file: str, variable: str) -> str:
    """The token of --token or --token-file, else of the environment's variable; "" = none.

    Raises ConfigError; never prints the token.
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
