"""Many threads and few heaps; what is loaded is no garbage, what comes later is found early; free
memory is given back."""

import os
import platform
import subprocess
import sys

import pytest

from plugin.process_memory import HEAPS, HEAPS_VARIABLE

THREADS = 12
# A heap of a thread begins at a multiple of 64 MiB; that of the process has a name.
HEAPS_OF_THREADS = f"""
import threading
from plugin import process_memory
process_memory.share_heaps()
barrier = threading.Barrier({THREADS})
def work():
    kept = [bytearray(50_000) for _ in range(20)]
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range({THREADS})]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
lines = [line.split() for line in open("/proc/self/maps")]
heaps = [line for line in lines if len(line) == 5 and line[1] == "rw-p"]
print(sum(int(line[0].partition("-")[0], 16) % 2**26 == 0 for line in heaps))
"""
COLLECTIONS = """
import gc
from plugin import process_memory
with process_memory.loading():
    loaded = [[] for _ in range(500_000)]
assert gc.isenabled() and gc.get_freeze_count() > len(loaded)
gc.callbacks.append(lambda phase, info: found.append(info) if phase == "stop" else None)
found = []
later = [[] for _ in range(200_000)]
print(sum(info["generation"] == 2 for info in found))
"""
# Below the last block nothing is given back by itself.
GIVEN_BACK = """
import os
from plugin import process_memory
from tests.soak.measures import own_bytes
blocks = [bytearray(50_000) for _ in range(1_000)]
del blocks[:-1]
before = own_bytes(os.getpid())
process_memory.give_back()
print(before - own_bytes(os.getpid()))
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="its heaps are meant")


@glibc
def test_threads_share_their_heaps() -> None:
    assert printed(HEAPS_OF_THREADS) < HEAPS


@glibc
def test_who_sets_the_number_of_heaps_is_right() -> None:
    assert printed(HEAPS_OF_THREADS, heaps="64") > HEAPS


def test_garbage_is_looked_for_often_however_much_was_loaded() -> None:
    assert printed(COLLECTIONS) > 0


@glibc
def test_free_memory_is_given_back() -> None:
    assert printed(GIVEN_BACK) > 40_000_000


def printed(program: str, heaps: str | None = None) -> int:
    """The number that a program prints."""
    variables = {name: text for name, text in os.environ.items() if name != HEAPS_VARIABLE}
    if heaps is not None:
        variables[HEAPS_VARIABLE] = heaps
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
    )
    return int(done.stdout)
