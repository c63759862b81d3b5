"""Incidents, and which alarms they are made of.

A migration never changes once released: it repeats the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("among", sa.Integer, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("first_score", sa.Double, nullable=False),
        sa.Column("worst", sa.Integer, nullable=False),
        sa.Column("peak_time", sa.BigInteger, nullable=False),
        sa.Column("peak_score", sa.Double, nullable=False),
        sa.Column("peak_value", sa.Double, nullable=False),
        sa.Column("peak_expected", sa.Double, nullable=False),
        sa.Column("peak_lower", sa.Double, nullable=False),
        sa.Column("peak_upper", sa.Double, nullable=False),
        sa.Column("direction", sa.Integer, nullable=False),
        sa.Column("merged_into", sa.Text),
    )
    op.create_index("incidents_end", "incidents", ["end"])
    op.create_index("incidents_open", "incidents", ["open"])
    op.create_index("incidents_name", "incidents", ["name", "end"])
    op.create_table(
        "members",
        sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id", "start"], ["alarms.series_id", "alarms.start"], ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("members_incident", "members", ["incident", "series_id"])
