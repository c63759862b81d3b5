"""Who has ended a maintenance window. A migration never changes once released."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("maintenance", sa.Column("ended_by", sa.Text, nullable=False, server_default=""))
