"""Counts the database connections that this process opens: many of them mean that they are not kept."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from chatplatform.common import measured


def count_connections() -> None:
    """From now on; called once when the process starts."""
    connection_created.connect(_count, dispatch_uid="metrics")


def _count(sender: type[BaseDatabaseWrapper], connection: BaseDatabaseWrapper, **_: Any) -> None:
    measured.DATABASE_CONNECTIONS.add(database=connection.alias)
