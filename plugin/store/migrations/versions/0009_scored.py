"""Scored rows of each block. A migration never changes once released: it repeats the table as it
was.

Blocks of before count as scored whole where they hold a judgement: the tenth byte says so, and none
is opened.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "scored",
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    byte = r"'\x01'::bytea" if op.get_bind().dialect.name == "postgresql" else "x'01'"
    op.execute(
        "INSERT INTO scored SELECT series_id, start, rows FROM blocks WHERE substr(data, 10, 1) ="
        f" {byte}"
    )
