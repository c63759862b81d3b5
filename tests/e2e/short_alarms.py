"""`bandwatch`, where an alarm ends a few seconds after the last sample outside, instead of half an
hour: so that a test sees its end."""

import sys

from detectors import episodes
from plugin.cli import main

HOLD_SECONDS = 8

if __name__ == "__main__":
    episodes.HOLD_SECONDS = HOLD_SECONDS
    sys.exit(main())
