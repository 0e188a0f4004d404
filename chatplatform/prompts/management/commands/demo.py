"""`manage.py demo install|remove`: the demo content, in every workspace or in one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.prompts.services import install_demo, remove_demo

ACTOR = Actor.system("demo")


class Command(BaseCommand):
    help = "Install the demo content, or remove it. Both may be repeated; chats stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["install", "remove"])
        parser.add_argument("--workspace", type=UUID, help="id of one workspace (default: all of them)")

    def handle(self, *args: Any, act: str, workspace: UUID | None, **options: Any) -> None:
        workspaces = Workspace.objects.order_by("created_at")
        if workspace:
            workspaces = workspaces.filter(id=workspace)
        found = list(workspaces)
        if not found:
            raise CommandError("there is no such workspace: start the platform once with `make run`")
        change = install_demo if act == "install" else remove_demo
        for one in found:
            try:
                names = change(one.id, actor=ACTOR)
            except PlatformError as error:
                raise CommandError(str(error.message)) from error
            done = f"{act.removesuffix('e')}ed {', '.join(names)}" if names else "nothing to do"
            self.stdout.write(f"{one.id}: {done}")
