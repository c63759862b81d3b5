"""Run by Alembic, on the connection and inside the transaction that migration.py hands over."""

from alembic import context

from plugin.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
