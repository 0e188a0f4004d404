"""The open workspace of whatever runs: context variables, apart from the models so that the database may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_workspace: ContextVar[UUID | None] = ContextVar("workspace", default=None)
_unscoped_reason: ContextVar[str | None] = ContextVar("unscoped_reason", default=None)


class NoScope(RuntimeError):
    """Tenant data was queried outside a workspace scope: a defect, never a user's error."""


class WrongScope(RuntimeError):
    """A row of one workspace was written in the scope of another: a defect, never a user's error."""


@contextmanager
def workspace_scope(workspace_id: UUID) -> Iterator[None]:
    """Run the block in one workspace: scoped managers see that workspace's rows only."""
    token = _workspace.set(workspace_id)
    reason = _unscoped_reason.set(None)
    try:
        yield
    finally:
        _unscoped_reason.reset(reason)
        _workspace.reset(token)


@contextmanager
def all_workspaces(reason: str) -> Iterator[None]:
    """Run the block across workspaces, for the platform's own chores; `reason` documents why."""
    token = _unscoped_reason.set(reason)
    try:
        yield
    finally:
        _unscoped_reason.reset(token)


def current_workspace_id() -> UUID:
    """The scope's workspace; raises NoScope outside one."""
    workspace_id = _workspace.get()
    if workspace_id is None:
        raise NoScope("no workspace scope is open")
    return workspace_id


def sees_all_workspaces() -> bool:
    """Whether the platform itself is at work, across workspaces."""
    return _unscoped_reason.get() is not None


def scope_for_database() -> tuple[str, str]:
    """What row-level security is told: the workspace's id or nothing, and `on` where all are meant."""
    if _unscoped_reason.get() is not None:
        return "", "on"
    workspace_id = _workspace.get()
    return ("" if workspace_id is None else str(workspace_id)), ""
