"""Whether the databases have every migration. Synchronous."""

from __future__ import annotations

from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


def pending_migrations(alias: str) -> int:
    """How many migrations the database `alias` lacks. Raises django.db.Error when it does not answer."""
    executor = MigrationExecutor(connections[alias])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def databases_are_current() -> bool:
    """Whether nothing is to be migrated. Raises django.db.Error when a database does not answer."""
    return not any(pending_migrations(alias) for alias in settings.DATABASES)
