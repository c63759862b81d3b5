"""Libraries that not every installation has: commands that need one say what to install."""

from importlib.util import find_spec

from plugin.errors import BandwatchError

EXTRAS = {"matplotlib": "plot", "pandas": "backtest"}  # by library


def require(library: str, purpose: str) -> None:
    """Raises BandwatchError where a library is missing; purpose: the command or the flag."""
    if find_spec(library) is None:
        raise BandwatchError(
            f"{purpose}: {library} is not installed; "
            f"install it with: pip install 'bandwatch[{EXTRAS[library]}]'"
        )
