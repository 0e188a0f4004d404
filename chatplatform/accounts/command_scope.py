"""Which workspace, and which member, a command is about."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.management.base import CommandError

from chatplatform.accounts.models import Membership, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import current_workspace_id, workspace_scope


def add_workspace_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--workspace", metavar="NAME", help="its name or id; needed only where there is more than one"
    )


@contextmanager
def scope_of_command(named: str | None) -> Iterator[Workspace]:
    """The workspace by name or id, or the only one there is, with its scope open; errors become words.

    Raises CommandError when it cannot be told which is meant.
    """
    with workspace_scope((workspace := _workspace(named)).id):
        try:
            yield workspace
        except PlatformError as error:
            raise CommandError(str(error.message)) from error


def membership_by_email(email: str) -> Membership:
    """The member of the workspace; raises CommandError for a stranger."""
    member = Membership.objects.filter(
        workspace_id=current_workspace_id(), user__email__iexact=email.strip()
    ).first()
    if member is None:
        raise CommandError(f"{email} is not in this workspace. See who is: manage.py members list")
    return member


def _workspace(named: str | None) -> Workspace:
    bootstrap_owner()
    found = list(Workspace.objects.order_by("created_at"))
    if named is not None:
        found = [row for row in found if row.name == named or row.id == _uuid(named)]
        if not found:
            raise CommandError(f"There is no workspace with the name or id {named}.")
    if len(found) > 1:
        names = "\n".join(f"  {row.id}  {row.name}" for row in found)
        raise CommandError(f"Say which workspace with --workspace:\n{names}")
    return found[0]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
