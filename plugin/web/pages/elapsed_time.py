"""How long ago something was, for a page that is read some seconds later. Pure."""

from plugin.domain.times import MINUTE, duration


def elapsed(start: int, now: int) -> str:
    """The time from `start` to `now`, both unix seconds, in whole minutes from the first on."""
    seconds = max(0, now - start)
    return duration(seconds if seconds < MINUTE else seconds // MINUTE * MINUTE)
