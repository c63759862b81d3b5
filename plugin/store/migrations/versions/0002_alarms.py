"""Alarms. A migration never changes once released: it repeats the table as it was."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("peak_time", sa.BigInteger, nullable=False),
        sa.Column("peak_score", sa.Double, nullable=False),
        sa.Column("peak_value", sa.Double, nullable=False),
        sa.Column("peak_expected", sa.Double, nullable=False),
        sa.Column("peak_lower", sa.Double, nullable=False),
        sa.Column("peak_upper", sa.Double, nullable=False),
        sa.Column("direction", sa.Integer, nullable=False),
    )
    op.create_index("alarms_end", "alarms", ["end"])
    op.create_index("alarms_open", "alarms", ["open"])
