"""Server time of every console page over a database with a million audit events and a hundred thousand messages.

usage: python -m tests.benchmarks.console_pages [--events N] [--messages N] [--keep FOLDER] [--only WORD]

The pages come from the URLconf: a new page is timed without a word here, unless its address holds an id that
`SAMPLES` does not know, which is an error. Prints a table, and ends with 1 when a page takes longer than LIMIT_MS.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import ROOT, SiteProcesses

EVENTS = 1_000_000
MESSAGES = 100_000
PEOPLE = 1_000
GROUPS = 40
JOBS = 5_000
USE_DAYS = 90
LIMIT_MS = 150
ROUNDS = 7
BATCH = 50_000
# ways to ask a page that cost more than its plain address
QUESTIONS = {
    "audit": (
        "?code=chat",
        "?code=jobs.job.died",
        "?outcome=refused",
        "?code=accounts&outcome=ok",
        "?actor={person}",
        "?actor={person}&code=chat.turn&outcome=failed",
        "?from=2026-01-01&to=2026-01-02",
        "?before=500000",
        "?of=platform",
    ),
    "members": ("?search=person5", "?role=member&state=active", "?search=nobody-at-all"),
    "jobs": ("?state=dead", "?of=platform"),
    "usage": ("?days=90", "?days=365"),
}


def main(arguments: list[str] | None = None) -> None:
    """Make the scratch database in a process of its own, whose settings point at it, and time there."""
    options = _options(arguments or [])
    engine = ScriptedEngineProcess()
    try:
        with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as scratch:
            folder = Path(options.keep or scratch)
            site = SiteProcesses(folder, engine_url=engine.url, engine_token=TOKEN)
            site.migrate()
            command = [sys.executable, "-m", "tests.benchmarks.console_pages", "--inside"]
            command += ["--events", str(options.events), "--messages", str(options.messages)]
            command += ["--only", options.only]
            done = subprocess.run(command, env=site.environment, cwd=ROOT, check=False)
    finally:
        engine.stop()
    if done.returncode:
        raise SystemExit(done.returncode)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--keep", help="a folder for the database, kept and used again")
    parser.add_argument("--only", default="", help="time the addresses that hold this word")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


# ---------------------------------------------------------------- in the process of the scratch database


def _inside(options: argparse.Namespace) -> int:
    import django

    django.setup()
    from chatplatform.audit.models import AuditEvent

    began = time.monotonic()
    owner_id, workspace_id = _workspace()
    if AuditEvent.objects.count() < options.events:
        people = _people(workspace_id)
        _events(options.events, workspace_id, people)
        _leaves()
        _messages(options.messages, workspace_id, people)
        _jobs(workspace_id)
        _use(workspace_id, people)
    _statistics()
    print(f"{options.events:,} events, {options.messages:,} messages: {time.monotonic() - began:.0f} s\n")
    return _time_pages(owner_id, workspace_id, only=options.only)


def _workspace() -> tuple[UUID, UUID]:
    from chatplatform.accounts.models import Membership
    from chatplatform.accounts.services import bootstrap_owner
    from chatplatform.common.actors import Actor
    from chatplatform.prompts.services import ensure_workspace_content

    owner = bootstrap_owner()
    workspace_id = Membership.objects.get(user=owner).workspace_id
    ensure_workspace_content(workspace_id, actor=Actor.system("benchmark"))
    return owner.id, workspace_id


def _people(workspace_id: UUID) -> list[UUID]:
    from chatplatform.accounts.models import Group, GroupMembership, Membership, Role, User
    from chatplatform.common.scope import workspace_scope

    users = User.objects.bulk_create(
        User(email=f"person{n}@example.org", display_name=f"Person {n}", password="!") for n in range(PEOPLE)
    )
    places = Membership.objects.bulk_create(
        Membership(workspace_id=workspace_id, user=user, role=Role.MEMBER) for user in users
    )
    with workspace_scope(workspace_id):
        groups = Group.objects.bulk_create(
            Group(workspace_id=workspace_id, name=f"Group {n}") for n in range(GROUPS)
        )
        GroupMembership.objects.bulk_create(
            GroupMembership(workspace_id=workspace_id, group=groups[n % GROUPS], membership=place)
            for n, place in enumerate(places)
        )
    return [user.id for user in users]


def _events(number: int, workspace_id: UUID, people: list[UUID]) -> None:
    """Events as `record` writes them, by raw inserts: digests are right, so the log verifies."""
    from django.db import connection, transaction

    from chatplatform.audit.catalogue import catalogue
    from chatplatform.audit.encoding import details_digest

    codes = [event.code for event in catalogue()]
    common = [code for code in codes if code.startswith("chat.")] or codes
    at = datetime.now(UTC) - timedelta(seconds=number * 20)
    adapt = connection.ops.adapt_datetimefield_value
    sql = (
        "INSERT INTO audit_event (at, code, outcome, actor_kind, actor_id, workspace_id, target_kind, target_id,"
        " digest, salt, ip, details) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )

    def rows(count: int) -> Iterator[tuple[Any, ...]]:
        nonlocal at
        for _ in range(count):
            at += timedelta(seconds=20)
            salt, ip = secrets.token_bytes(16), "192.0.2.7"
            dice = random.random()
            yield (
                adapt(at),
                random.choice(common if dice < 0.9 else codes),
                "ok" if dice < 0.995 else "refused",
                "person",
                str(random.choice(people)),
                workspace_id.hex if dice > 0.02 else None,
                "conversation",
                str(uuid4()),
                details_digest(salt, ip, "{}"),
                salt,
                ip,
                "{}",
            )

    for begin in range(0, number, BATCH):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, rows(min(BATCH, number - begin)))


def _leaves() -> None:
    from chatplatform.audit.proofs import fold_subtrees
    from chatplatform.audit.services import checkpoint, sequence_pending

    while sequence_pending(BATCH):
        pass
    checkpoint()
    while fold_subtrees():
        pass


def _messages(number: int, workspace_id: UUID, people: list[UUID]) -> None:
    from chatplatform.chat.models import Conversation, Message
    from chatplatform.common.scope import workspace_scope

    each = 100
    with workspace_scope(workspace_id):
        for n in range(number // each):
            person = people[n % len(people)]
            conversation = Conversation.objects.create(workspace_id=workspace_id, owner_id=person)
            Message.objects.bulk_create(
                Message(
                    workspace_id=workspace_id,
                    conversation=conversation,
                    number=place,
                    role=Message.Role.ASSISTANT if place % 2 else Message.Role.USER,
                    author_id=None if place % 2 else person,
                    content=secrets.token_bytes(300),
                )
                for place in range(each)
            )


def _jobs(workspace_id: UUID) -> None:
    from chatplatform.common.clock import now
    from chatplatform.common.scope import all_workspaces
    from chatplatform.jobs.models import Job, JobState

    with all_workspaces("a benchmark fills a scratch database"):
        Job.objects.bulk_create(
            Job(
                workspace_id=workspace_id if n % 10 else None,
                kind="chat.title" if n % 10 else "jobs.cleanup",
                actor_kind="system",
                actor_id="system:benchmark",
                state=JobState.DEAD if n % 50 == 1 else JobState.SUCCEEDED,
                created_at=now() - timedelta(seconds=n),
                finished_at=now(),
            )
            for n in range(JOBS)
        )


def _use(workspace_id: UUID, people: list[UUID]) -> None:
    from chatplatform.common.scope import workspace_scope
    from chatplatform.usage.models import UsageCounter, Window
    from chatplatform.usage.queries import today

    midnight = datetime.combine(today(), datetime.min.time(), UTC)
    with workspace_scope(workspace_id):
        UsageCounter.objects.bulk_create(
            (
                UsageCounter(
                    workspace_id=workspace_id,
                    subject_kind=UsageCounter.Subject.PERSON,
                    subject_id=person,
                    window=Window.DAY,
                    starts_at=midnight - timedelta(days=day),
                    turns=random.randrange(20),
                    tokens_read=random.randrange(20_000),
                    tokens_written=random.randrange(4_000),
                )
                for day in range(USE_DAYS)
                for person in people[:200]
            ),
            batch_size=2000,
        )


def _statistics() -> None:
    """What a database that has lived for a while knows of its tables."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "postgresql" else "PRAGMA optimize")


# ---------------------------------------------------------------- the pages


def _samples(workspace_id: UUID) -> dict[str, Callable[[], Any]]:
    """How to find an id for each kind that stands in an address."""
    from chatplatform.accounts.models import Group, Invitation, Membership
    from chatplatform.audit.models import AuditEvent
    from chatplatform.jobs.models import Job
    from chatplatform.prompts.models import Assistant, Prompt

    return {
        "membership_id": lambda: Membership.objects.filter(workspace_id=workspace_id).last().public_id,  # type: ignore[union-attr]
        "group_id": lambda: Group.objects.values_list("id", flat=True).first(),
        "job_id": lambda: Job.objects.values_list("id", flat=True).first(),
        "event_id": lambda: AuditEvent.objects.filter(workspace_id=workspace_id).order_by("id")[5].id,
        "assistant_id": lambda: Assistant.objects.values_list("id", flat=True).first(),
        "prompt_id": lambda: Prompt.objects.values_list("id", flat=True).first(),
        "invitation_id": lambda: Invitation.objects.values_list("id", flat=True).first() or uuid4(),
        "rule_id": uuid4,
        "token_id": uuid4,
        "model_id": lambda: "smollm2-135m",
        "check_id": lambda: "migrations",
    }


def _addresses(workspace_id: UUID) -> list[tuple[str, str]]:
    """Name and address of every console page, with an id of each kind in its place."""
    from django.urls import URLPattern, URLResolver, get_resolver, reverse

    from chatplatform.common.scope import workspace_scope

    (console,) = [
        each
        for each in get_resolver().url_patterns
        if isinstance(each, URLResolver) and each.namespace == "console"
    ]
    samples = _samples(workspace_id)
    found = []
    with workspace_scope(workspace_id):
        for pattern in console.url_patterns:
            assert isinstance(pattern, URLPattern)
            wanted = list(pattern.pattern.converters)
            unknown = [name for name in wanted if name not in samples]
            if unknown:
                raise SystemExit(f"console:{pattern.name} needs {unknown[0]}: add it to the samples")
            values = {name: samples[name]() for name in wanted}
            found.append((str(pattern.name), reverse(f"console:{pattern.name}", kwargs=values)))
    return found


def _time_pages(owner_id: UUID, workspace_id: UUID, *, only: str) -> int:
    from django.test import Client

    from chatplatform.accounts.models import Membership, User

    browser = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
    logging.disable(logging.CRITICAL)  # acts are tried with ids of nothing
    browser.force_login(User.objects.get(id=owner_id))
    someone = Membership.objects.filter(workspace_id=workspace_id).exclude(user_id=owner_id).first()
    person = str(someone.user_id) if someone else ""
    slow: list[str] = []
    print(f"{'page':<70} {'median':>8} {'worst':>8} {'of CPU':>8}  ms")
    for name, address in _addresses(workspace_id):
        if only not in address:
            continue
        for question in ("", *QUESTIONS.get(name, ())):
            asked = address + question.format(person=person)
            answer = browser.get(asked)
            if answer.status_code == 405 or answer.status_code == 302 or answer.streaming:
                continue  # an act, a way on, or a copy of the whole
            times = [_server_ms(browser, asked) for _ in range(ROUNDS)]
            middle = statistics.median(wall for wall, _cpu in times)
            cpu = statistics.median(cpu for _wall, cpu in times)
            worst = max(wall for wall, _cpu in times)
            mark = "" if answer.status_code == 200 else f"  [{answer.status_code}]"
            shown = asked.replace(person, "ID")[:70]
            print(f"{shown:<70} {middle:8.1f} {worst:8.1f} {cpu:8.1f}{mark}", flush=True)
            if middle > LIMIT_MS or answer.status_code >= 500:
                slow.append(asked)
    print(f"\n{'every page' if not slow else f'all but {len(slow)} pages'} within {LIMIT_MS} ms")
    return 1 if slow else 0


def _server_ms(browser: Any, address: str) -> tuple[float, float]:
    """Time on the clock, and of the processor: on a busy machine the two are far apart."""
    wall, cpu = time.perf_counter(), time.process_time()
    browser.get(address)
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


if __name__ == "__main__":
    given = _options(sys.argv[1:])
    if given.inside:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
        sys.exit(_inside(given))
    main(sys.argv[1:])
