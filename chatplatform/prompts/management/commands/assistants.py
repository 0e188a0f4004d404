"""`manage.py assistants …`: what the console does with assistants, for scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.accounts.models import Group
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts import assistant_queries, prompt_queries, services
from chatplatform.prompts.assistant_changes import spec_of
from chatplatform.prompts.management.workspaces import add_workspace_argument, chosen_workspace

ACTOR = Actor.system("assistants")


class Command(BaseCommand):
    help = (
        "List, make, change and archive assistants. What changes holds from the next page and the next turn."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser)
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="every assistant, the archived ones too")
        create = acts.add_parser("create", help="make an assistant that speaks a prompt")
        create.add_argument("name")
        create.add_argument("--prompt", required=True, help="name of the prompt")
        change = acts.add_parser("change", help="give an assistant other settings")
        change.add_argument("name")
        change.add_argument("--prompt", help="name of another prompt")
        change.add_argument("--rename", help="another name")
        for one in (create, change):
            one.add_argument("--description", help="one line for people")
            one.add_argument("--model", help="a model that the engine serves; empty for the chat model")
            one.add_argument("--group", action="append", help="for this group only; may be repeated")
            one.add_argument("--everybody", action="store_true", help="for everybody in the workspace")
        for act, help_text in (
            ("default", "let new chats begin with it"),
            ("archive", "take it out of use; its chats stay readable"),
            ("restore", "take it into use again"),
        ):
            acts.add_parser(act, help=help_text).add_argument("name")

    def handle(self, *args: Any, act: str, workspace: UUID | None, **options: Any) -> None:
        with workspace_scope(chosen_workspace(workspace)):
            try:
                self._act(act, options)
            except PlatformError as error:
                raise CommandError(f"{error.message} ({error.code})") from error

    def _act(self, act: str, options: dict[str, Any]) -> None:
        if act == "list":
            self._list()
        elif act == "create":
            spec = spec_of(None, name=options["name"], **_changes(options))
            prompt_id = prompt_queries.prompt_by_name(options["prompt"])
            services.create_assistant(spec, prompt_id, actor=ACTOR)
            self.stdout.write(f"{options['name']}: made")
        elif act == "change":
            assistant_id = _id_of(options["name"])
            prompt = options["prompt"]
            services.change_assistant(
                assistant_id,
                spec_of(assistant_id, name=options["rename"], **_changes(options)),
                prompt_id=prompt_queries.prompt_by_name(prompt) if prompt else None,
                actor=ACTOR,
            )
            self.stdout.write(f"{options['name']}: changed")
        elif act == "default":
            services.make_default(_id_of(options["name"]), actor=ACTOR)
            self.stdout.write(f"{options['name']}: new chats begin with it")
        else:
            services.set_archived(_id_of(options["name"]), act == "archive", actor=ACTOR)
            self.stdout.write(f"{options['name']}: {act}d")

    def _list(self) -> None:
        for one in assistant_queries.assistant_list(archived=None):
            audience = "everybody" if one.groups is None else f"groups {', '.join(one.groups) or '(none)'}"
            marks = "".join(
                f", {mark}"
                for mark, holds in (("default", one.is_default), ("archived", one.is_archived))
                if holds
            )
            self.stdout.write(f"{one.name}: prompt {one.prompt_name}, model {one.model}, {audience}{marks}")


def _id_of(name: str) -> UUID:
    """The id of an assistant by name, archived or not; raises CommandError."""
    for one in assistant_queries.assistant_list(archived=None):
        if one.name.lower() == name.lower():
            return one.id
    raise CommandError(f"no assistant is called {name!r}: see `manage.py assistants list`")


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """The settings that were named."""
    if options["everybody"] and options["group"]:
        raise CommandError("--everybody and --group exclude each other")
    found: dict[str, Any] = {name: options[name] for name in ("description", "model")}
    if options["everybody"]:
        found["group_ids"] = None
    elif options["group"]:
        groups = {group.name.lower(): group.id for group in Group.objects.all()}
        missing = [name for name in options["group"] if name.lower() not in groups]
        if missing:
            raise CommandError(f"no group is called {missing[0]!r}")
        found["group_ids"] = frozenset(groups[name.lower()] for name in options["group"])
    return found
