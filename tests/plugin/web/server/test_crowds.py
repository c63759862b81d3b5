"""Many, slow and silent clients: none of them keeps another one waiting."""

import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.plugin.web.server.conftest import GET, LARGE, Client, Stage, soon

PART = b"GET /a HTTP/1.1\r\nHost: here\r\nX-Slow: "  # of a request; the rest does not come


def slowest(stage: Stage, path: str = "/-/healthy", count: int = 20) -> float:
    """Seconds; each on a new connection."""
    times = []
    for _ in range(count):
        start = time.monotonic()
        assert stage.client().get(path)[0] == 200
        times.append(time.monotonic() - start)
    return max(times)


def test_a_thousand_silent_clients_and_300_slow_ones_do_not_matter(stage: Stage) -> None:
    stage.serve()
    silent = [stage.client() for _ in range(1000)]
    slow = [stage.client() for _ in range(300)]
    for client in slow:
        client.send(PART)
    for _ in range(2):
        for client in slow:
            client.send(b"x")
        assert slowest(stage) < 1
        assert slowest(stage, "/api/v1/alert") < 1
    slow[0].send(b"\r\n\r\n")
    assert slow[0].answer()[0] == 200
    assert silent[0].get("/late")[0] == 200


@pytest.mark.parametrize(
    "begin", [PART, b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 500\r\n\r\nabc"]
)
def test_a_request_that_comes_too_slowly_is_cut(stage: Stage, begin: bytes) -> None:
    stage.serve(request_timeout=1)
    client = stage.client()
    client.send(begin)
    start = time.monotonic()
    client.socket.settimeout(0.1)
    while time.monotonic() < start + 5:
        try:
            head = client.socket.recv(4096)
            break
        except TimeoutError:
            client.send(b"x")
    assert 0.9 < time.monotonic() - start < 3
    assert head.startswith(b"HTTP/1.1 408 ") and b"request_timeout" in head
    assert client.closed()
    assert stage.cut("slow_request") == 1


def test_an_idle_connection_is_closed_and_an_asking_one_is_not(stage: Stage) -> None:
    stage.serve(idle_timeout=1)
    idle, asking = stage.client(), stage.client()
    start = time.monotonic()
    while time.monotonic() < start + 2.2:
        assert asking.get("/a")[0] == 200
        time.sleep(0.2)
    assert idle.closed(0.1)


def test_who_takes_nothing_of_an_answer_is_cut(stage: Stage) -> None:
    stage.serve(send_timeout=1)
    client = stage.client(receive_buffer=4096)
    client.send(GET % b"/large")
    assert soon(lambda: stage.cut("slow_reader") == 1)
    assert client.closed()


def test_large_answers_of_slow_readers_are_whole_and_their_memory_is_bounded(stage: Stage) -> None:
    """40 answers of 4 MiB, of which 8 MiB may wait in memory."""
    stage.serve(answer_memory=8, threads=2)
    before = resident()
    readers = [stage.client(receive_buffer=1 << 15) for _ in range(40)]
    for reader in readers:
        reader.send(GET % b"/large")
    for reader in readers:
        assert reader.socket.recv(16, socket.MSG_PEEK)
    assert slowest(stage) < 1
    assert resident() - before < 60 << 20
    for reader in (readers[0], readers[-1]):
        assert reader.answer() == (200, LARGE)


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_health_and_alerts_are_answered_while_all_threads_are_busy(stage: Stage) -> None:
    stage.serve(threads=2)
    busy = [stage.client() for _ in range(4)]
    for client in busy:
        client.send(GET % b"/wait")
    assert slowest(stage, count=5) < 1
    assert slowest(stage, "/api/v1/alert?field=score", count=5) < 1
    stage.application.go_on.set()
    assert {client.answer()[0] for client in busy} == {200}


def test_beyond_the_limit_the_one_that_has_waited_longest_makes_room(stage: Stage) -> None:
    stage.serve(max_connections=16)
    busy = stage.client()
    busy.send(GET % b"/wait")
    time.sleep(0.1)
    waiting = [stage.client() for _ in range(15)]
    assert waiting[0].get("/a")[0] == 200
    assert stage.client().get("/a")[0] == 200
    assert [client.closed(0.05) for client in waiting] == [False, True] + [False] * 13
    assert stage.cut("too_many") == 1
    stage.application.go_on.set()
    assert busy.answer()[0] == 200


OWN_PROCESS = """
import logging, os, resource, sys, threading
from plugin.config import WebSettings
from plugin.web.server import serve
logging.basicConfig(stream=sys.stdout, format="LOG %(message)s")
def application(environment, start_response):
    start_response("200 OK", [])
    return [b"fine"]
server = serve(application, WebSettings(listen_address="127.0.0.1:0"))
used = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 10, used + 10))
print(server.port, flush=True)
sys.stdin.read()
server.close()
"""


def test_without_descriptors_it_goes_on_and_says_so_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWN_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdin
        port = int(process.stdout.readline())
        clients = [Client(port) for _ in range(60)]
        for _ in range(5):
            late = Client(port)
            assert late.get("/-/healthy") == (200, b"fine")
            clients.append(late)
        process.stdin.close()
        told = [line for line in process.stdout if line.startswith("LOG")]
        for client in clients:
            client.socket.close()
    assert told == ["LOG no connection can be accepted: allow the process more open files\n"]
