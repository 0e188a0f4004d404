"""Limits from the command line: list, set, remove."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from chatplatform.accounts.models import ApiToken, Group, Membership, Role
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import current_workspace_id, workspace_scope
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.usage.queries import RuleView, rules
from chatplatform.usage.services import remove_rule, set_rule

_COMMAND = Actor.system("command")


class Command(BaseCommand):
    help = "List, set and remove limits of use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", type=UUID, help="its id; default: the first one")
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="list the limits")
        setting = acts.add_parser("set", help="set a limit, such as: set everyone 50 turns day")
        setting.add_argument("subject", help="everyone, an e-mail address, group:NAME or token:ID")
        setting.add_argument("limit", type=int)
        setting.add_argument("unit", choices=Unit.values)
        setting.add_argument("window", choices=Window.values)
        setting.add_argument(
            "--together", action="store_true", help="for the sum of all, instead of each person alone"
        )
        removing = acts.add_parser("remove", help="remove a limit")
        removing.add_argument("rule", type=UUID, help="its id, as the list shows it")

    def handle(self, *args: Any, act: str, workspace: UUID | None, **options: Any) -> None:
        with workspace_scope(workspace or first_workspace()):
            try:
                match act:
                    case "list":
                        for rule in rules():
                            self.stdout.write(_line(rule))
                    case "set":
                        kind, subject_id = _subject(options["subject"])
                        rule_id = set_rule(
                            subject_kind=kind,
                            subject_id=subject_id,
                            unit=Unit(options["unit"]),
                            window=Window(options["window"]),
                            limit=options["limit"],
                            together=options["together"],
                            actor=_COMMAND,
                        )
                        self.stdout.write(str(rule_id))
                    case "remove":
                        remove_rule(options["rule"], actor=_COMMAND)
                        self.stdout.write("Removed.")
            except PlatformError as error:
                raise CommandError(str(error.message)) from error


def first_workspace() -> UUID:
    """The workspace that commands mean when none is named."""
    place = Membership.objects.filter(user=bootstrap_owner(), role=Role.OWNER).order_by("created_at").first()
    if place is None:
        raise CommandError("There is no workspace yet.")
    return place.workspace_id


def _subject(text: str) -> tuple[QuotaRule.Subject, UUID | None]:
    kind, _colon, rest = text.partition(":")
    if text == "everyone":
        return QuotaRule.Subject.EVERYONE, None
    if kind == "group":
        found = Group.objects.filter(name__iexact=rest).values_list("id", flat=True).first()
        subject = QuotaRule.Subject.GROUP
    elif kind == "token":
        token_id = _uuid(rest)
        found = token_id and ApiToken.objects.filter(id=token_id).values_list("id", flat=True).first()
        subject = QuotaRule.Subject.TOKEN
    else:
        members = Membership.objects.filter(workspace_id=current_workspace_id(), user__email__iexact=text)
        found = members.values_list("user_id", flat=True).first()
        subject = QuotaRule.Subject.PERSON
    if found is None:
        raise CommandError(
            f"{text} is nobody here: give everyone, an e-mail address, group:NAME or token:ID."
        )
    return subject, found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _line(rule: RuleView) -> str:
    who = (
        rule.subject_kind.value if not rule.subject_name else f"{rule.subject_kind.value} {rule.subject_name}"
    )
    together = " together" if rule.together else ""
    return f"{rule.id}  {who}{together}: {rule.limit} {rule.unit.value} a {rule.window.value}"
