"""`manage.py prompts …`: what the console does with prompts, for scripts and repositories."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts import prompt_queries, services
from chatplatform.prompts.management.workspaces import add_workspace_argument, chosen_workspace
from chatplatform.prompts.models import PromptLabel
from chatplatform.prompts.prompt_files import MAX_FILE_BYTES, exported, file_name, import_prompt

ACTOR = Actor.system("prompts")


class Command(BaseCommand):
    help = "List, show, save, release, roll back, export and import prompts. What is released holds from the next turn."

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser)
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="every prompt with its versions")
        show = acts.add_parser("show", help="print the text of a version")
        show.add_argument("name")
        _add_version(show, "version to show (default: production)")
        save = acts.add_parser(
            "save", help="save a text as the next version, or make the prompt; releases nothing"
        )
        save.add_argument("name")
        save.add_argument("file", help="a file with the text, - for standard input")
        save.add_argument("--note", default="", help="what changed")
        release = acts.add_parser("release", help="point a label at a version")
        release.add_argument("name")
        release.add_argument("number", type=int, help="number of the version")
        release.add_argument("--label", default=PromptLabel.PRODUCTION, help="default: production")
        release.add_argument("--expect", type=int, help="do nothing unless the label is at this version")
        rollback = acts.add_parser("rollback", help="go back to the release before")
        rollback.add_argument("name")
        rollback.add_argument("--expect", type=int, help="do nothing unless this version is in production")
        export = acts.add_parser("export", help="write prompts as Markdown files")
        export.add_argument("target", type=Path, help="a folder; each prompt becomes a file in it")
        export.add_argument("names", nargs="*", help="names of prompts (default: all in use)")
        importing = acts.add_parser(
            "import", help="bring Markdown files in; each is a prompt or a next version"
        )
        importing.add_argument("files", nargs="+", type=Path)

    def handle(self, *args: Any, act: str, workspace: UUID | None, **options: Any) -> None:
        acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "list": self._list,
            "show": self._show,
            "save": self._save,
            "release": self._release,
            "rollback": self._roll_back,
            "export": self._export,
            "import": self._import,
        }
        with workspace_scope(chosen_workspace(workspace)):
            try:
                acts[act](options)
            except PlatformError as error:
                raise CommandError(f"{error.message} ({error.code})") from error
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise CommandError("the text is not in UTF-8") from error

    def _list(self, options: dict[str, Any]) -> None:
        for prompt in prompt_queries.prompt_list():
            released = f"production {prompt.released}" if prompt.released else "not released"
            state = ", out of use" if prompt.is_retired else ""
            self.stdout.write(f"{prompt.name}: {released}, newest {prompt.newest}{state}")

    def _show(self, options: dict[str, Any]) -> None:
        prompt_id = prompt_queries.prompt_by_name(options["name"])
        released = prompt_queries.released_text(prompt_id) if options["number"] is None else None
        found = released or prompt_queries.version_text(prompt_id, options["number"])
        self.stdout.write(found.text, ending="" if found.text.endswith("\n") else "\n")

    def _save(self, options: dict[str, Any]) -> None:
        text = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text("utf-8")
        name = options["name"]
        if not any(prompt.name.lower() == name.lower() for prompt in prompt_queries.prompt_list()):
            services.create_prompt(name, text, actor=ACTOR)
            self.stdout.write(f"{name}: made, with version 1 in production")
            return
        prompt_id = prompt_queries.prompt_by_name(name)
        saved = services.save_version(prompt_id, text, note=options["note"], actor=ACTOR)
        said = "saved" if saved.created else "has this text already"
        self.stdout.write(f"{name}: version {saved.number} {said}")

    def _release(self, options: dict[str, Any]) -> None:
        prompt_id = prompt_queries.prompt_by_name(options["name"])
        version = prompt_queries.version_text(prompt_id, options["number"])
        services.move_label(
            prompt_id, options["label"], version.id, actor=ACTOR, **_expected(prompt_id, options["expect"])
        )
        self.stdout.write(f"{options['name']}: {options['label']} is version {version.number}")

    def _roll_back(self, options: dict[str, Any]) -> None:
        prompt_id = prompt_queries.prompt_by_name(options["name"])
        number = services.roll_back(prompt_id, actor=ACTOR, **_expected(prompt_id, options["expect"]))
        self.stdout.write(f"{options['name']}: production is version {number}")

    def _export(self, options: dict[str, Any]) -> None:
        names = options["names"] or [one.name for one in prompt_queries.prompt_list() if not one.is_retired]
        folder: Path = options["target"]
        folder.mkdir(parents=True, exist_ok=True)
        written: set[str] = set()
        for name in names:
            prompt_id = prompt_queries.prompt_by_name(name)
            version = prompt_queries.released_text(prompt_id) or prompt_queries.version_text(prompt_id)
            place = file_name(version.prompt_name)
            if place in written:  # two names that differ in signs only
                place = f"{place.removesuffix('.md')}-{str(prompt_id)[:8]}.md"
            written.add(place)
            (folder / place).write_bytes(exported(version).encode())
            self.stdout.write(f"{version.prompt_name}: version {version.number} in {folder / place}")

    def _import(self, options: dict[str, Any]) -> None:
        for path in options["files"]:
            with path.open("rb") as file:
                imported = import_prompt(file.read(MAX_FILE_BYTES + 1), actor=ACTOR)
            saved = imported.saved
            if imported.is_new_prompt:
                said = "a new prompt"
            else:
                said = f"version {saved.number}" + ("" if saved.created else ", which is here already")
            self.stdout.write(f"{path}: {said}")


def _add_version(parser: CommandParser, help_text: str) -> None:
    # `--version` is Django's own
    parser.add_argument("--number", type=int, help=help_text)


def _expected(prompt_id: UUID, number: int | None) -> dict[str, Any]:
    """What the services are told of the version that the caller saw; nothing when it does not matter."""
    if number is None:
        return {}
    return {"expected_version_id": prompt_queries.version_text(prompt_id, number).id}
