"""Maintenance windows, and what they have ended.

A migration never changes once released: it repeats the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("match", sa.Text, nullable=False),
        sa.Column("watch", sa.Text, nullable=False),
        sa.Column("begin", sa.Text, nullable=False),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("after", sa.BigInteger, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("alerts", sa.Boolean, nullable=False),
    )
    op.add_column("alarms", sa.Column("ended_by", sa.Text, nullable=False, server_default=""))
    op.add_column("models", sa.Column("masked", sa.Text, nullable=False, server_default=""))
