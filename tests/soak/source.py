"""The source of a soak as a process: prints its address, and ends when its input ends."""

import json
import sys

from tests.soak.plan import SoakPlan


def main(plan: SoakPlan) -> None:
    """Serves the series of a plan."""
    server = plan.source().serve()
    print(server.url, flush=True)
    sys.stdin.read()
    server.close()


if __name__ == "__main__":
    main(SoakPlan(**json.loads(sys.argv[1])))
