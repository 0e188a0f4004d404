"""Which workspace a command works in."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from chatplatform.accounts.models import Workspace


def add_workspace_argument(parser: CommandParser) -> None:
    parser.add_argument("--workspace", type=UUID, help="id of the workspace (default: the first one)")


def chosen_workspace(workspace_id: UUID | None) -> UUID:
    """The named workspace, else the first; raises CommandError when there is none."""
    rows = Workspace.objects.order_by("created_at")
    if workspace_id is not None:
        rows = rows.filter(id=workspace_id)
    found = rows.values_list("id", flat=True).first()
    if found is None:
        raise CommandError("there is no such workspace: start the platform once with `make run`")
    return found
