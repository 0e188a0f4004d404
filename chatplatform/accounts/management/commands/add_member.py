"""Add a person to the workspace and print the link they sign in with."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from chatplatform.accounts.command_scope import add_workspace_argument, scope_of_command
from chatplatform.accounts.models import Role
from chatplatform.accounts.services import add_member, make_sign_in_link
from chatplatform.accounts.sign_in_links import LINK_TTL_S
from chatplatform.common.actors import Actor

_COMMAND = Actor.system("command")


class Command(BaseCommand):
    help = "Add a person to the workspace and print a one-time sign-in link for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="how the pages address them")
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER.value)
        parser.add_argument(
            "--ttl", type=int, default=LINK_TTL_S, metavar="SECONDS", help="how long the link is valid"
        )
        add_workspace_argument(parser)

    def handle(
        self,
        *args: Any,
        email: str,
        name: str,
        role: str,
        ttl: int,
        workspace: str | None = None,
        **options: Any,
    ) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email} is not an e-mail address.") from error
        if ttl <= 0:
            raise CommandError("--ttl must be more than 0 seconds.")
        with scope_of_command(workspace) as place:
            user = add_member(place, email, role=Role(role), actor=_COMMAND, display_name=name)
        self.stdout.write(make_sign_in_link(user, actor=_COMMAND, ttl_s=ttl))
