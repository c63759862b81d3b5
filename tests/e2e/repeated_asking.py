"""A rule that asks web replicas without a pause, another one each time, as behind a load
balancer."""

import threading
import time
from collections.abc import Sequence
from itertools import groupby
from types import TracebackType
from typing import Self

import requests

PAUSE_SECONDS = 0.3


class Asking:
    """Use as a context manager."""

    def __init__(self, urls: Sequence[str], path: str) -> None:
        """urls: of the replicas, of which some may not answer. path: of the request, without
        `to`."""
        self._urls = urls
        self._path = path
        self._answers: list[bool] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def answered(self) -> int:
        return len(self._answers)

    def runs(self) -> list[bool]:
        """Whether an alert fired, without what is said again: a change is a flap or a page."""
        return [fires for fires, _ in groupby(self._answers)]

    def _run(self) -> None:
        first = 0
        while not self._ended.wait(PAUSE_SECONDS):
            first += 1
            urls = self._urls
            to = int(time.time() * 1000)
            for place in range(len(urls)):
                if self._ask(f"{urls[(first + place) % len(urls)]}{self._path}&to={to}"):
                    break

    def _ask(self, url: str) -> bool:
        """Whether it was answered."""
        try:
            answer = requests.get(url, timeout=10)
        except requests.RequestException:
            return False
        if answer.status_code != 200:
            return False
        self._answers.append(any(row["score"] > 1 for row in answer.json()))
        return True
