"""How many series a query may return: at one time, and one after the other."""

from plugin.errors import TooManySeries

MAX_TURNOVER = 100  # series of one range that have come and gone, for each that `max_series` allows


def refuse_too_many(query: str, count: int, max_series: int) -> None:
    """Raises TooManySeries. count: of the series that live at one time."""
    if count > max_series:
        raise TooManySeries(
            f"the query {shorten(query)} returns {count:,} series at one time, and `max_series` "
            f"is {max_series:,}: aggregate it, as in sum by (...), or raise the limit"
        )


def refuse_turnover(query: str, count: int, max_series: int) -> None:
    """Raises TooManySeries where series come and go so fast that none lasts."""
    if count > max_series * MAX_TURNOVER:
        raise TooManySeries(
            f"the query {shorten(query)} has had {count:,} series or more that came and went: "
            "aggregate away the label that changes, as in sum without (pod) (...)"
        )


def shorten(query: str) -> str:
    """A query on one line of at most 120 characters, for messages."""
    text = " ".join(query.split())
    return f"`{text if len(text) <= 120 else text[:117] + '...'}`"
