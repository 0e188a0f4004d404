"""API tokens from the command line: make one for a person, list them, revoke one."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from chatplatform.accounts.api_tokens import Scope, make_token, revoke_token
from chatplatform.accounts.models import ApiToken, Membership
from chatplatform.accounts.token_queries import TokenView, tokens_of, workspace_tokens
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import all_workspaces, workspace_scope

_COMMAND = Actor.system("command")


class Command(BaseCommand):
    help = "Make, list and revoke API tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        make = acts.add_parser("make", help="make a token for a person and print its secret, once")
        make.add_argument("email", help="whose token")
        make.add_argument("--name", default="command line", help="what uses it")
        make.add_argument(
            "--scope",
            action="append",
            choices=[scope.value for scope in Scope],
            dest="scopes",
            help="what it may do; may be repeated; default: chat",
        )
        make.add_argument("--days", type=int, default=90, help="how long it lives; 0: for ever; default: 90")
        listing = acts.add_parser("list", help="list the tokens of a person, or of everybody")
        listing.add_argument("email", nargs="?")
        revoke = acts.add_parser("revoke", help="end a token at once")
        revoke.add_argument("token", help="its id, or how it begins, as the list shows it")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        try:
            match act:
                case "make":
                    self._make(
                        options["email"], options["name"], options["scopes"] or ["chat"], options["days"]
                    )
                case "list":
                    self._list(options["email"])
                case "revoke":
                    self._revoke(options["token"])
        except PlatformError as error:
            raise CommandError(str(error.message)) from error

    def _make(self, email: str, name: str, scopes: list[str], days: int) -> None:
        if days < 0:
            raise CommandError("--days must be 0 or more.")
        place = _places(email)[0]
        with workspace_scope(place.workspace_id):
            made = make_token(
                name,
                [Scope(scope) for scope in scopes],
                expires_at=now() + timedelta(days=days) if days else None,
                actor=_COMMAND,
                user_id=place.user_id,
            )
        self.stdout.write(made.secret)

    def _list(self, email: str | None) -> None:
        places = _places(email) if email else Membership.objects.order_by("workspace_id")
        for workspace_id in dict.fromkeys(place.workspace_id for place in places):
            with workspace_scope(workspace_id):
                found = tokens_of(_places(str(email))[0].user_id) if email else workspace_tokens()
                for token in found:
                    self.stdout.write(_line(token))

    def _revoke(self, token: str) -> None:
        with all_workspaces("whoever has this machine may end any token"):
            wanted = _uuid(token)
            rows = ApiToken.objects.filter(id=wanted) if wanted else ApiToken.objects.filter(prefix=token)
            found = list(rows.values_list("id", "workspace_id")[:2])
        if not found:
            raise CommandError(f"There is no token {token}. See: manage.py tokens list")
        if len(found) > 1:
            raise CommandError(f"More than one token begins with {token}. Give its id.")
        [(token_id, workspace_id)] = found
        with workspace_scope(workspace_id):
            revoke_token(token_id, actor=_COMMAND)
        self.stdout.write(f"Revoked {token}.")


def _places(email: str) -> list[Membership]:
    places = list(
        Membership.objects.filter(user__email__iexact=email, suspended_at=None).order_by("created_at")
    )
    if not places:
        raise CommandError(f"Nobody here has the address {email}. Add them: manage.py add_member {email}")
    return places


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _line(token: TokenView) -> str:
    state = "revoked" if token.revoked_at else "expired" if token.is_expired else "living"
    used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never used"
    ends = f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "no end"
    return f"{token.id}  {token.prefix}…  {state:7}  {ends:10}  {used:16}  {','.join(token.scopes)}  {token.name}"
