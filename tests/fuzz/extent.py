"""How many examples a run has, and what one of them may take. `make fuzz` sets BANDWATCH_FUZZ=long:
more examples, other ones each time. `make test` always has the same ones."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings

LONG = os.environ.get("BANDWATCH_FUZZ") == "long"
# Of CPU. The slowest takes half a second on a free machine, and twice that beside other load.
MAX_SECONDS = 2.0
MAX_BYTES = 100 << 20


def examples(usual: int, long: int) -> Any:
    """The settings of a test."""
    return settings(
        max_examples=long if LONG else usual,
        derandomize=not LONG,
        database=None,
        deadline=None,  # `within` counts CPU only
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=LONG,
    )


@contextmanager
def small() -> Iterator[None]:
    """What happens inside takes less than 100 MiB more than there are."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bytes_allowed = pages * resource.getpagesize() + MAX_BYTES
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (bytes_allowed, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
