"""A person's conversations as files, from the command line: taken away or brought in. Each act is recorded."""

from __future__ import annotations

import io
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from chatplatform.accounts.command_scope import add_workspace_argument, membership_by_email, scope_of_command
from chatplatform.audit.services import Target, record
from chatplatform.chat.temporary.policy import require_may_keep
from chatplatform.common.actors import Actor
from chatplatform.sharing import audit_events as events
from chatplatform.sharing import exports, limits
from chatplatform.sharing.importing.reading import Report, import_all
from chatplatform.sharing.models import FileFormat, ImportFile

_COMMAND = Actor.system("command")


class Command(BaseCommand):
    help = "Take a person's conversations away as a zip, or bring a file of conversations in for a person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        taking = acts.add_parser("export", help="write a zip of a person's conversations")
        taking.add_argument("--format", choices=FileFormat.values, default=FileFormat.JSON.value)
        taking.add_argument("--conversation", action="append", metavar="ID", help="only this one; repeatable")
        taking.add_argument("--out", required=True, type=Path, help="the zip; it must not be there yet")
        bringing = acts.add_parser("import", help="read a file of conversations")
        bringing.add_argument("file", type=Path)
        for act in (taking, bringing):
            act.add_argument("--person", required=True, metavar="E-MAIL", help="whose conversations")
            add_workspace_argument(act)
        taking.add_argument(
            "--reason", required=True, help="why somebody else's words are read; kept in the audit log"
        )

    def handle(self, *args: Any, act: str, workspace: str | None, person: str, **options: Any) -> None:
        with scope_of_command(workspace) as place:
            owner_id = membership_by_email(person).user_id
            if act == "export":
                self._export(place.id, owner_id, **options)
            else:
                self._import(place.id, owner_id, options["file"])

    def _export(self, workspace_id: UUID, owner_id: UUID, **options: Any) -> None:
        reason = " ".join(options["reason"].split())
        if not 3 <= len(reason) <= 200 or not reason.isprintable():
            raise CommandError("Say why in 3 to 200 characters: --reason")
        with transaction.atomic():
            record(
                events.EXPORT_TAKEN,
                actor=_COMMAND,
                workspace_id=workspace_id,
                target=Target("person", str(owner_id)),
                details={"format": options["format"], "owner": str(owner_id), "reason": reason},
            )
        try:
            handle = os.open(options["out"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['out']} cannot be written: {error.strerror}") from error
        chosen = exports.conversations_of(owner_id, options["conversation"])
        with os.fdopen(handle, "wb") as target:
            written, left_out = exports.write_zip(
                target, chosen, FileFormat(options["format"]), step=lambda: None
            )
        self.stdout.write(f"{written} conversations in {options['out']}; {left_out} could not be read")

    def _import(self, workspace_id: UUID, owner_id: UUID, path: Path) -> None:
        try:
            size_bytes = path.stat().st_size
            file = io.FileIO(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from error
        if not 0 < size_bytes <= limits.IMPORT_BYTES:
            raise CommandError(f"The file has {size_bytes} bytes; the limit is {limits.IMPORT_BYTES}.")
        require_may_keep(owner_id)
        with file:
            report = import_all(
                file, size_bytes, owner_id=owner_id, file_id=None, actor=_COMMAND, step=_no_step
            )
        with transaction.atomic():
            record(
                events.IMPORT_FINISHED,
                actor=_COMMAND,
                workspace_id=workspace_id,
                target=Target("person", str(owner_id)),
                details={
                    "kind": str(report.kind),
                    "found": report.found,
                    "imported": report.imported,
                    "repeated": report.repeated,
                    "refused": report.refused,
                },
            )
        for problem in report.problems:
            self.stderr.write(f"conversation {problem.position}: {problem.words}")
        kind = ImportFile.Kind(report.kind).label
        self.stdout.write(
            f"{kind}: {report.imported} imported, {report.repeated} here already, {report.refused} refused"
        )


def _no_step(report: Report) -> None:
    """There is nobody to tell."""
