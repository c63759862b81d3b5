"""A stop is heard, whichever thread the system tells."""

import subprocess
import sys

PROGRAM = """
import signal, threading, time
from queue import SimpleQueue
from plugin.cli.signals import signal_wait

stops = SimpleQueue()
signal.signal(signal.SIGTERM, lambda number, _: stops.put(number))

def tell_this_thread():
    time.sleep(0.3)  # by then the main thread waits
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

threading.Thread(target=tell_this_thread, daemon=True).start()
with signal_wait() as wait:
    while stops.empty():
        wait()
print("stopped by", stops.get())
"""


def test_a_signal_that_another_thread_gets_wakes_the_main_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=40
    )
    assert done.stdout == "stopped by 15\n", done.stderr
