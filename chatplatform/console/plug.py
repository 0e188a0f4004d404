"""Pull the plug: kill a process in the middle of an answer, and count what was lost."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from html import unescape
from uuid import UUID

import psutil
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.person import Person
from chatplatform.audit.services import Target, record
from chatplatform.chat import queries
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.common.ids import new_id
from chatplatform.console.audit_events import PLUG_CHECKED, PLUG_PULLED
from chatplatform.health.processes import ProcessView, child_of, supervised_processes
from chatplatform.health.running import supervisor_pid
from chatplatform.jobs.models import JobState
from chatplatform.jobs.queries import states_by_key
from chatplatform.jobs.services import enqueue

PROBE = "console.plug_probe"
PROBES = 3
# the answer to the request must leave before its own process dies
LAST_WORDS_S = 0.3

TITLES: dict[str, Promise] = {
    "web": _("Pages and answers (web)"),
    "llm": _("The engine of the language model (llm)"),
    "encoder": _("The engine for embeddings (encoder)"),
    "worker": _("Background jobs (worker)"),
}
_HTML_TAG = re.compile(r"<[^>]*>")
# Chinese, Japanese and Korean characters are words of their own: there are no spaces between them
_CJK = r"\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])[^\W_])+")


@dataclass(frozen=True, slots=True)
class PlugTarget:
    """A process that may be killed; `is_ready` when there is something to kill."""

    name: str
    title: Promise
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was shown is compared with what is stored, word by word; jobs are those that the drill began."""

    words: int
    lost_words: int
    jobs: int
    lost_jobs: int


def targets() -> list[PlugTarget]:
    """What the supervisor of this data folder keeps and may be killed; none without a supervisor."""
    processes = {process.name: process for process in supervised_processes()}
    return [
        PlugTarget(name, title, processes[name].state == "ready" and processes[name].pid is not None)
        for name, title in TITLES.items()
        if name in processes
    ]


def begin(person: Person) -> UUID:
    """Start the jobs that a killed worker must not lose; the id of the drill."""
    drill_id = new_id()
    for number in range(PROBES):
        enqueue(
            PROBE,
            args={"drill_id": str(drill_id)},
            actor=person.actor,
            workspace_id=person.workspace_id,
            dedupe_key=_key(drill_id, number),
        )
    return drill_id


def pull(name: str, drill_id: UUID, person: Person) -> int:
    """Kill the process `name` as kill -9 does, in a moment; its id. It is on record before.

    Raises InvalidInput for a process that must not be killed, Conflict when none runs under a supervisor.
    """
    if name not in TITLES:
        raise InvalidInput("plug_unknown_process", _("Choose one of the processes."))
    process = _living(name)
    with transaction.atomic():
        record(
            PLUG_PULLED,
            actor=person.actor,
            workspace_id=person.workspace_id,
            target=Target("process", name),
            details={"drill_id": str(drill_id), "process": name, "pid": process.pid},
        )
    threading.Timer(LAST_WORDS_S, _kill, (process,)).start()
    return process.pid


def judge(
    person: Person,
    *,
    drill_id: UUID,
    name: str,
    conversation_id: UUID,
    shown: tuple[str, ...],
    back_after_s: float,
) -> Verdict:
    """Compare what the browser showed, at several moments, with the stored answer; put the outcome on record.

    Raises NotFound for a conversation that is not the person's, InvalidInput for an unknown process.
    """
    if name not in TITLES:
        raise InvalidInput("plug_unknown_process", _("Choose one of the processes."))
    messages = queries.snapshot(person.id, conversation_id).messages
    stored = next((message for message in reversed(messages) if message.role == "assistant"), None)
    html = (stored.html or stored.text) if stored else ""
    states = job_states(person, drill_id)
    verdict = Verdict(
        words=max((len(words(text)) for text in shown), default=0),
        lost_words=max((lost_words(text, html) for text in shown), default=0),
        jobs=PROBES,
        lost_jobs=PROBES - sum(state == JobState.SUCCEEDED for state in states),
    )
    with transaction.atomic():
        record(
            PLUG_CHECKED,
            actor=person.actor,
            workspace_id=person.workspace_id,
            target=Target("process", name),
            details={
                "drill_id": str(drill_id),
                "process": name,
                "words": verdict.words,
                "lost_words": verdict.lost_words,
                "jobs": verdict.jobs,
                "lost_jobs": verdict.lost_jobs,
                "back_after_s": round(max(0.0, min(back_after_s, 3600.0)), 1),
            },
            outcome="ok" if verdict.lost_words == verdict.lost_jobs == 0 else "failed",
        )
    return verdict


def job_states(person: Person, drill_id: UUID) -> list[JobState]:
    """How the jobs of the drill are."""
    return states_by_key(person.workspace_id, PROBE, [_key(drill_id, number) for number in range(PROBES)])


def words(shown: str) -> list[str]:
    """The words of a text or of its HTML, without the numbers that begin lists: those come and go with markup."""
    text = unescape(_HTML_TAG.sub(" ", shown))
    return [word for word in _WORD.findall(text) if not word.isdigit()]


def lost_words(shown: str, stored: str) -> int:
    """How many words were shown and are not in their place in what is stored. The last may have been half a word."""
    seen, kept = words(shown), words(stored)
    for place, word in enumerate(seen):
        is_last = place == len(seen) - 1
        if place >= len(kept) or not (kept[place] == word or (is_last and kept[place].startswith(word))):
            return len(seen) - place
    return 0


def _living(name: str) -> psutil.Process:
    supervisor = supervisor_pid()
    found: ProcessView | None = next((each for each in supervised_processes() if each.name == name), None)
    process = child_of(supervisor, found.pid) if supervisor and found and found.pid else None
    if process is None:
        raise Conflict(
            "plug_not_running",
            _("This process does not run under the supervisor now. Look again in a moment."),
        )
    return process


def _kill(process: psutil.Process) -> None:
    """Kill it unless it is gone: psutil knows it by its time of birth, so nobody with its number is hit."""
    try:
        process.kill()
    except psutil.Error:
        return


def _key(drill_id: UUID, number: int) -> str:
    return f"{drill_id}:{number}"
