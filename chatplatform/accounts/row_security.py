"""Keeps row-level security in step with the tables: migrations see every workspace, and leave every table locked."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from django.db import connections

from chatplatform.common.row_security import install_row_security
from chatplatform.common.scope import all_workspaces

_migrating = ExitStack()


def before_migrate(**_: Any) -> None:
    """Let data migrations see what they are to change; without, they would quietly change nothing."""
    _migrating.enter_context(all_workspaces("migrations change every workspace's rows"))


def after_migrate(*, using: str, **_: Any) -> None:
    _migrating.close()
    install_row_security(connections[using])
