"""The members of a workspace from the command line: list, suspend, reinstate, role, remove."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chatplatform.accounts import queries
from chatplatform.accounts.command_scope import (
    add_workspace_argument,
    membership_by_email,
    scope_of_command,
)
from chatplatform.accounts.members import change_role, reinstate, remove_member, suspend
from chatplatform.accounts.models import Role
from chatplatform.common.actors import Actor

_COMMAND = Actor.system("command")
_PAGE = 500


class Command(BaseCommand):
    help = "List the members of a workspace, or change one: suspend, reinstate, role, remove."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        listing = acts.add_parser("list", help="who is in the workspace")
        listing.add_argument("--search", default="", help="part of a name or address")
        add_workspace_argument(listing)
        for act, words in (
            ("suspend", "shut a member out, at once and everywhere"),
            ("reinstate", "let a suspended member in again"),
            ("remove", "end a membership"),
            ("role", "give a member another role"),
        ):
            changing = acts.add_parser(act, help=words)
            changing.add_argument("email")
            if act == "role":
                changing.add_argument("role", choices=Role.values)
            add_workspace_argument(changing)

    def handle(self, *args: Any, act: str, workspace: str | None, **options: Any) -> None:
        with scope_of_command(workspace):
            if act == "list":
                self._list(options["search"])
                return
            membership_id = membership_by_email(options["email"]).public_id
            if act == "suspend":
                suspend(membership_id, actor=_COMMAND)
            elif act == "reinstate":
                reinstate(membership_id, actor=_COMMAND)
            elif act == "remove":
                remove_member(membership_id, actor=_COMMAND)
            else:
                change_role(membership_id, Role(options["role"]), actor=_COMMAND)
        self.stdout.write("done")

    def _list(self, search: str) -> None:
        after = None
        while page := queries.members(search=search, after=after, limit=_PAGE):
            for member in page:
                state = "suspended" if member.suspended_at else "active"
                groups = ", ".join(member.groups)
                self.stdout.write("\t".join((member.email, member.role.value, state, member.name, groups)))
            after = page[-1].membership_id
