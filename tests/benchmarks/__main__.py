"""`make bench`: every measured claim, each beside what it is compared to, in one run."""

import sys
import time
from importlib import import_module

PARTS = (
    "start",
    "fit",
    "executors",
    "tick",
    "scale",
    "shared",
    "worker",
    "news",
    "bands",
    "alert",
    "crowd",
    "incidents",
    "page",
    "preview",
    "store",
    "databases",
    "partitions",
)


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        sys.exit(f"unknown part {unknown[0]!r}; valid is any of: {', '.join(PARTS)}")
    for name in chosen:
        began = time.monotonic()
        print(f"\n== {name} ", "=" * (74 - len(name)), sep="", flush=True)
        import_module(f"tests.benchmarks.bench_{name}").main()
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
