"""`manage.py evaluate`: sixty questions to the model that is running, and a score."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatplatform.accounts.models import Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.errors import PlatformError
from chatplatform.common.scope import workspace_scope
from chatplatform.inference import gateway
from chatplatform.prompts.evaluation.questions import question_set
from chatplatform.prompts.evaluation.report import as_json, share_right, shortcomings, table
from chatplatform.prompts.evaluation.runner import SEED, Answered, Examination, examine
from chatplatform.prompts.queries import assistant_by_name, released_prompt

ACTOR = Actor.system("evaluate")
POLL_S = 1.0


class Command(BaseCommand):
    help = (
        "Ask the sixty questions of the evaluation and print a score by kind. The platform must be running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", default="chat", help="alias or id of the model (default: chat)")
        parser.add_argument("--assistant", help="name of the assistant (default: the demo shop)")
        parser.add_argument("--workspace", type=UUID, help="id of the workspace (default: the first one)")
        parser.add_argument(
            "--only", nargs="+", default=[], metavar="ID", help="questions by beginning of id"
        )
        parser.add_argument("--seed", type=int, default=SEED, help=f"of the sampling (default: {SEED})")
        parser.add_argument(
            "--wait", type=float, default=0, metavar="SECONDS", help="for an engine that is loading"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print everything as JSON")
        parser.add_argument("--answers", type=Path, metavar="FILE", help="write everything as JSON to a file")
        parser.add_argument(
            "--at-least", type=float, metavar="PERCENT", help="end with 1 when the score is lower than this"
        )

    def handle(self, *args: Any, as_json: bool, at_least: float | None, **options: Any) -> None:
        questions = question_set()
        asked = questions.narrowed(options["only"])
        if not asked:
            raise CommandError("no question's id begins like this: see prompts/evaluation/questions.toml")
        workspace_id = options["workspace"] or _first_workspace()
        self._quiet = as_json
        _until_ready(options["wait"])
        with workspace_scope(workspace_id):
            try:
                examination = Examination(
                    released_prompt(assistant_by_name(options["assistant"] or questions.assistant)),
                    workspace_id=workspace_id,
                    actor=ACTOR,
                    model=options["model"],
                    seed=options["seed"],
                )
                answers = asyncio.run(
                    examine(examination, asked, questions.refusals, on_answer=self._show_progress)
                )
            except PlatformError as error:
                raise CommandError(f"{error.message} ({error.code})") from error
            except TimeoutError as error:
                raise CommandError("the model took too long for an answer: see manage.py doctor") from error
        self._report(examination, answers, as_json=as_json, file=options["answers"])
        if at_least is not None and share_right(answers) * 100 < at_least:
            raise CommandError(f"the score is lower than {at_least:g} %", returncode=1)

    def _show_progress(self, answered: Answered) -> None:
        if not self._quiet:
            self.stdout.write("." if answered.right else "x", ending="")
            self.stdout.flush()

    def _report(
        self, examination: Examination, answers: list[Answered], *, as_json: bool, file: Path | None
    ) -> None:
        document = json.dumps(_document(examination, answers), ensure_ascii=False, indent=2)
        if file:
            file.write_text(document + "\n", encoding="utf-8")
        if as_json:
            self.stdout.write(document)
            return
        tokens = sum(a.prompt_tokens for a in answers)
        cached = sum(a.cached_tokens for a in answers)
        self.stdout.write("\n" + table(answers) + "\n")
        for line in shortcomings(answers):
            self.stdout.write(line)
        self.stdout.write(
            f"{answers[0].model}, prompt version {examination.released.version_number}, "
            f"{sum(a.total_s for a in answers):.0f} s; {cached:,} of {tokens:,} prompt tokens came from the cache."
        )


_document = as_json


def _until_ready(seconds: float) -> None:
    """Wait for the engine, so long at most; whether it is ready then, the first question tells."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not async_to_sync(gateway.engine_status)("llm").ready:
        time.sleep(POLL_S)


def _first_workspace() -> UUID:
    workspace = Workspace.objects.order_by("created_at").values_list("id", flat=True).first()
    if workspace is None:
        raise CommandError("there is no workspace yet: start the platform once with `make run`")
    return workspace
