"""How far remote write has come.

A migration never changes once released: it repeats the table as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "positions",
        sa.Column("watch", sa.Text, primary_key=True),
        sa.Column("sent_until", sa.BigInteger, nullable=False),
    )
