"""Print a one-time sign-in link: for the owner, or for anybody by e-mail address."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatplatform.accounts.models import User
from chatplatform.accounts.services import bootstrap_owner, make_sign_in_link
from chatplatform.accounts.sign_in_links import LINK_TTL_S
from chatplatform.common.actors import Actor


class Command(BaseCommand):
    help = "Print a one-time sign-in link (for the owner, unless an e-mail address is given)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", nargs="?", help="whose link; default: the owner's")
        parser.add_argument(
            "--ttl", type=int, default=LINK_TTL_S, metavar="SECONDS", help="how long it is valid"
        )

    def handle(self, *args: Any, email: str | None, ttl: int, **options: Any) -> None:
        if ttl <= 0:
            raise CommandError("--ttl must be more than 0 seconds.")
        user = bootstrap_owner() if email is None else User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {email}. Add them: manage.py add_member {email}")
        self.stdout.write(make_sign_in_link(user, actor=Actor.system("command"), ttl_s=ttl))
