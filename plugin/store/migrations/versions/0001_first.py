"""The first schema. A migration never changes once released: it repeats the tables as they were."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _series()
    _samples()
    _progress()
    _models()


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("watch", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.UniqueConstraint("watch", "fingerprint"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "series_status",
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
    )


def _samples() -> None:
    op.create_table(
        "samples",
        sa.Column("time", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double),
        sa.Column("expected", sa.Double),
        sa.Column("lower", sa.Double),
        sa.Column("upper", sa.Double),
        sa.Column("score", sa.Double),
        sa.Column("model_version", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blocks",
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("blocks_last", "blocks", ["last", "series_id", "start"])


def _progress() -> None:
    op.create_table(
        "coverage",
        sa.Column("watch", sa.Text, primary_key=True),
        sa.Column("query_key", sa.Text, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
    )
    op.create_table(
        "watches",
        sa.Column("watch", sa.Text, primary_key=True),
        sa.Column("scored_until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "rewrites",
        sa.Column("watch", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "carries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("watch", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("ids", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_carries_watch", "carries", ["watch"])


def _models() -> None:
    op.create_table(
        "fits",
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("watch", sa.Text, nullable=False),
        sa.Column("detector", sa.Text),
        sa.Column("spec", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("fitted_at", sa.BigInteger),
        sa.Column("window_start", sa.BigInteger),
        sa.Column("window_end", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "models",
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column(
            "version",
            sa.Integer,
            sa.ForeignKey("fits.version"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("loss", sa.Double),
        sa.Column("champion", sa.Boolean, nullable=False),
    )
    op.create_index("models_version", "models", ["version"])
