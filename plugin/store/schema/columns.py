"""What the tables have in common."""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, MetaData

metadata = MetaData()


def series_key() -> Column[int]:
    """Part of the primary key; the row is deleted with its series."""
    parent = ForeignKey("series.id", ondelete="CASCADE")
    return Column("series_id", Integer, parent, primary_key=True, autoincrement=False)


def time_key(name: str) -> Column[int]:
    """Part of the primary key, unix seconds."""
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def peak_columns() -> list[Column[Any]]:
    """The sample that is farthest out, of an alarm or an incident."""
    numbers = ("peak_score", "peak_value", "peak_expected", "peak_lower", "peak_upper")
    return [
        Column("peak_time", BigInteger, nullable=False),
        *(Column(name, Double, nullable=False) for name in numbers),  # +-inf = no bound
        Column("direction", Integer, nullable=False),  # 1 = above the band, -1 = below
    ]
