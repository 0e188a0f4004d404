"""The pages of the audit log: who sees what, that reading is recorded, verification, copies."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import AsyncClient, Client

from chatplatform.accounts.models import Role
from chatplatform.audit.catalogue import AuditEventType, catalogue
from chatplatform.audit.models import AuditEvent
from chatplatform.audit.services import (
    Outcome,
    Target,
    checkpoint,
    erase_details,
    record,
    sequence_pending,
)
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.claims import take
from chatplatform.jobs.jobs import verify_audit_log
from chatplatform.jobs.models import Job
from chatplatform.jobs.registry import RunningJob
from tests.integration.web.conftest import MakePerson, Someone

pytestmark = pytest.mark.django_db(databases=["default", "keys"])


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: object) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    settings.AUDIT_WITNESS_FILE = tmp_path / "audit-witness.jsonl"  # type: ignore[attr-defined]
    return tmp_path


def known(code: str) -> AuditEventType:
    return next(event for event in catalogue() if event.code == code)


def recorded(
    someone: Someone | None,
    code: str = "jobs.job.retried",
    *,
    target: str = "",
    actor: Actor | None = None,
    outcome: Outcome = "ok",
) -> AuditEvent:
    with transaction.atomic():
        record(
            known(code),
            actor=actor or (Actor.person(someone.user.id) if someone else Actor.system("test")),
            workspace_id=someone.workspace.id if someone else None,
            target=Target("job", target or str(uuid4())),
            outcome=outcome,
        )
    return AuditEvent.objects.order_by("-id")[0]


def shown(browser: Client, **query: str) -> str:
    answer = browser.get("/console/audit/", query)
    assert answer.status_code == 200
    return answer.text


def test_events_with_names_beside_ids(owner: Someone) -> None:
    owner.user.display_name = "Robin Ash"
    owner.user.save()
    event = recorded(owner)
    page = shown(owner.browser)
    assert f"/console/audit/{event.id}/" in page
    assert "Robin Ash" in page
    assert "Failed background work was started again" in page


def test_filters(owner: Someone, make_person: MakePerson) -> None:
    other = make_person(Role.ADMINISTRATOR)
    mine = recorded(owner, outcome="failed")
    theirs = recorded(other, "jobs.job.cancelled", target="the-job")

    def has(**query: str) -> tuple[bool, bool]:
        page = shown(owner.browser, **query)
        return f"/audit/{mine.id}/" in page, f"/audit/{theirs.id}/" in page

    assert has() == (True, True)
    assert has(code="jobs.job.retried") == (True, False)
    assert has(code="jobs") == (True, True)
    assert has(code="no.such.code") == (True, True)
    assert has(outcome="failed") == (True, False)
    assert has(actor=str(other.user.id)) == (False, True)
    assert has(actor=other.user.email) == (False, True)
    assert has(target="the-job") == (False, True)
    assert has(target="the-job", code="jobs", outcome="ok") == (False, True)
    assert has(**{"from": "2001-01-01"}) == (True, True)
    assert has(to="2001-01-01") == (False, False)
    assert "Write the day like" in shown(owner.browser, to="2001-31-31")
    assert "Several people" in shown(owner.browser, actor="example.org")
    assert has(before="nonsense", outcome="nonsense") == (True, True)


def test_pages_go_on(owner: Someone) -> None:
    events = [recorded(owner) for _ in range(60)]
    first = shown(owner.browser, code="jobs")
    assert f"/audit/{events[-1].id}/" in first
    assert f"/audit/{events[0].id}/" not in first
    older = f"before={events[10].id}"
    assert older in first
    assert f"/audit/{events[0].id}/" in shown(owner.browser, code="jobs", before=str(events[10].id))


def test_other_workspaces_and_the_platform(owner: Someone, make_person: MakePerson) -> None:
    stranger = make_person(Role.OWNER, elsewhere=True)
    theirs, platforms = recorded(stranger), recorded(None)
    page = shown(owner.browser)
    assert f"/audit/{theirs.id}/" not in page
    assert f"/audit/{platforms.id}/" not in page
    for event in (theirs, platforms):
        assert owner.browser.get(f"/console/audit/{event.id}/").status_code == 404
    assert f"/audit/{platforms.id}/" in shown(owner.browser, of="platform")
    assert owner.browser.get(f"/console/audit/{platforms.id}/", {"of": "platform"}).status_code == 200
    assert owner.browser.get(f"/console/audit/{theirs.id}/", {"of": "platform"}).status_code == 404
    assert owner.browser.get(f"/console/audit/{10**25}/").status_code == 404

    administrator = make_person(Role.ADMINISTRATOR).browser
    for address in ("", f"{platforms.id}/", "export/"):
        assert administrator.get(f"/console/audit/{address}", {"of": "platform"}).status_code == 403


def readings(someone: Someone) -> int:
    return AuditEvent.objects.filter(code="audit.read", actor_id=str(someone.user.id)).count()


def test_reading_is_recorded_once_for_each_filter(owner: Someone) -> None:
    for _ in range(3):
        shown(owner.browser)
    assert readings(owner) == 1
    shown(owner.browser, before="999999")
    assert readings(owner) == 1
    shown(owner.browser, code="jobs", actor="system:sweeper")
    shown(owner.browser, code="jobs", actor="system:sweeper")
    assert readings(owner) == 2
    last = AuditEvent.objects.filter(code="audit.read").order_by("-id")[0]
    assert json.loads(last.details) == {"actor_id": "system:sweeper", "code": "jobs", "of": "workspace"}
    again = Client()
    again.force_login(owner.user)
    shown(again)
    assert readings(owner) == 3, "another session"


def test_an_event_is_proved_on_its_page(owner: Someone) -> None:
    event = recorded(owner)
    page = owner.browser.get(f"/console/audit/{event.id}/").text
    assert "No checkpoint covers this event yet" in page
    assert bytes(event.digest).hex() in page
    sequence_pending()
    signed = checkpoint()
    assert signed is not None
    page = owner.browser.get(f"/console/audit/{event.id}/").text
    assert "Proved:" in page
    assert signed.root.hex() in page
    assert signed.signature.hex() in page


def verification_of(someone: Someone) -> RunningJob:
    with all_workspaces("test"):
        job = Job.objects.get(kind="audit.verify", workspace_id=someone.workspace.id)
        claim = take(job.id)
        assert claim is not None
        from threading import Event

        return RunningJob(Job.objects.get(id=job.id), claim, Event())


@pytest.mark.django_db(databases=["default", "keys"], transaction=True)
def test_verification_in_the_background(owner: Someone) -> None:
    for _ in range(3):
        recorded(owner)
    sequence_pending()
    checkpoint()
    assert owner.browser.post("/console/audit/verify/").status_code == 302
    assert owner.browser.post("/console/audit/verify/").status_code == 302, "asking twice changes nothing"
    part = owner.browser.get("/console/audit/verification/").text
    assert "data-live" in part
    assert "<html" not in part
    verify_audit_log(verification_of(owner))
    part = owner.browser.get("/console/audit/verification/").text
    assert "data-live" not in part
    assert "events were checked" in part
    done = AuditEvent.objects.get(code="audit.verified")
    assert done.outcome == "ok"
    assert done.actor_id == str(owner.user.id)


@pytest.mark.django_db(databases=["default", "keys"], transaction=True)
def test_a_damaged_log_is_named_so(owner: Someone) -> None:
    from django.db import connection

    from chatplatform.audit.triggers import install_triggers, remove_triggers

    event = recorded(owner)
    sequence_pending()
    checkpoint()
    remove_triggers(connection)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET code = 'jobs.cleaned' WHERE id = %s", [event.id])
    install_triggers(connection)
    owner.browser.post("/console/audit/verify/", headers={"HX-Request": "true"})
    verify_audit_log(verification_of(owner))
    part = owner.browser.get("/console/audit/verification/").text
    assert f"event {event.id} (leaf" in part
    assert "contradicts the log" in owner.browser.get(f"/console/audit/{event.id}/").text


def test_details_of_a_verification_may_be_erased(owner: Someone) -> None:
    outcomes: list[Outcome] = ["ok", "failed"]
    for outcome in outcomes:
        recorded(owner, "audit.verified", outcome=outcome)
        erase_details(owner.user.id, actor=Actor.system("test"))
        assert "Is the log intact?" in shown(owner.browser)


async def exported(someone: Someone, **query: str) -> str:
    browser = AsyncClient()
    await browser.aforce_login(someone.user)
    answer = await browser.get("/console/audit/export/", query)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    return b"".join([part async for part in answer.streaming_content]).decode()  # type: ignore[union-attr]


@pytest.mark.django_db(databases=["default", "keys"], transaction=True)
async def test_copies_to_take_away(owner: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    from asgiref.sync import sync_to_async

    from chatplatform.audit import reading

    monkeypatch.setattr(reading, "EXPORT_BATCH", 2)
    events = [(await sync_to_async(recorded)(owner)).id for _ in range(5)]
    lines = [json.loads(line) for line in (await exported(owner, code="jobs.job.retried")).splitlines()]
    assert [line["id"] for line in lines] == events[::-1]
    assert lines[0]["actor"]["id"] == str(owner.user.id)
    rows = list(csv.DictReader(io.StringIO(await exported(owner, code="jobs.job.retried", format="csv"))))
    assert [int(row["id"]) for row in rows] == events[::-1]
    taken = [event async for event in AuditEvent.objects.filter(code="audit.exported").order_by("id")]
    assert [json.loads(event.details)["format"] for event in taken] == ["jsonl", "csv"]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.SUPPORT_AGENT, Role.PROMPT_EDITOR])
def test_not_for_everybody(make_person: MakePerson, role: Role) -> None:
    browser = make_person(role).browser
    for address in ("", "1/", "export/", "verification/"):
        assert browser.get(f"/console/audit/{address}").status_code == 403
    assert browser.post("/console/audit/verify/").status_code == 403
