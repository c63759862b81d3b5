"""The hint that an error about an unknown name ends with."""

import difflib
from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str:
    """ "; the nearest is `x`", or the empty string when no valid name is similar."""
    close = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return f"; the nearest is `{close[0]}`" if close else ""
