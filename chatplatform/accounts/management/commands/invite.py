"""Invite somebody into a workspace and print the link to send them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatplatform.accounts.command_scope import add_workspace_argument, scope_of_command
from chatplatform.accounts.invitations import DEFAULT_TTL_S, invite
from chatplatform.accounts.models import Group, Role
from chatplatform.common.actors import Actor


class Command(BaseCommand):
    help = "Invite somebody into a workspace and print the link, which works once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "email", nargs="?", default="", help="for this address only; default: an open link"
        )
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER.value)
        parser.add_argument(
            "--group",
            action="append",
            default=[],
            metavar="NAME",
            help="a group to put them into; may be repeated",
        )
        parser.add_argument(
            "--ttl", type=int, default=DEFAULT_TTL_S, metavar="SECONDS", help="how long the link is valid"
        )
        add_workspace_argument(parser)

    def handle(
        self,
        *args: Any,
        email: str,
        role: str,
        group: list[str],
        ttl: int,
        workspace: str | None,
        **options: Any,
    ) -> None:
        with scope_of_command(workspace):
            group_ids = []
            for name in group:
                found = Group.objects.filter(name__iexact=name).first()
                if found is None:
                    raise CommandError(f"There is no group with the name {name}.")
                group_ids.append(found.id)
            invited = invite(
                email=email,
                role=Role(role),
                group_ids=group_ids,
                expires_in_s=ttl,
                actor=Actor.system("command"),
            )
        self.stdout.write(invited.url)
