"""Questions that nothing answers: filed once a person, read by those who may answer them, gone with the person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from chatplatform.accounts.models import Role
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import Grant, create_collection, set_assistant
from chatplatform.knowledge.gaps import services
from chatplatform.knowledge.gaps.models import Gap
from chatplatform.knowledge.gaps.queries import GapView, open_gaps, read_gaps
from chatplatform.knowledge.models import Collection
from chatplatform.privacy.services import destroy_key
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.models import Assistant
from tests.integration.web.conftest import MakePerson, Someone, make_person, member, owner, workspace

__all__ = ["make_person", "member", "owner", "workspace"]

pytestmark = pytest.mark.django_db(databases=["default", "keys"])

SYSTEM = Actor.system("test")
QUESTION = "Do you rent out crampons?"


def shop() -> Assistant:
    return Assistant.objects.get(is_demo=True)


def collection(access: str = Collection.Access.EVERYBODY, *grants: Grant) -> UUID:
    made = create_collection(f"Documents {uuid4().hex[:6]}", access=access, grants=grants, actor=SYSTEM)
    set_assistant(shop().id, [made], actor=SYSTEM)
    return made


def ask(someone: Someone, question: str = QUESTION, conversation_id: UUID | None = None) -> UUID:
    gap_id = services.file_gap(
        question,
        assistant_id=shop().id,
        conversation_id=conversation_id or uuid4(),
        language="en",
        confidence=0.2,
        actor=Actor.person(someone.user.id),
    )
    assert gap_id is not None
    return gap_id


def seen_by(someone: Someone, **filters: str) -> list[GapView]:
    return read_gaps(actor=Actor.person(someone.user.id), **filters)  # type: ignore[arg-type]


def test_what_several_people_ask_is_one_question(make_person: MakePerson, owner: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        collection()
        first, second = make_person(), make_person()
        assert ask(first) == ask(first, "do you rent out  CRAMPONS")
        ask(second)
        (gap,) = seen_by(owner)
        assert (gap.question, gap.people, gap.times) == (QUESTION, 2, 3)
        assert open_gaps(owner.user.id) == 1
        assert AuditEvent.objects.filter(code="knowledge.gap.filed").count() == 2


def test_only_those_who_may_answer_read_it(make_person: MakePerson, owner: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        editor, member = make_person(Role.PROMPT_EDITOR), make_person()
        collection(Collection.Access.CHOSEN, Grant(person_id=member.user.id, level="edit"))
        gap_id = ask(make_person())
        assert seen_by(editor) == [], "an editor without a grant for the collection may not know of it"
        assert [gap.id for gap in seen_by(member)] == [gap_id], "a grant is enough"
        with pytest.raises(NotFound):
            services.close_gap(gap_id, actor=Actor.person(editor.user.id))
        assert AuditEvent.objects.filter(code="knowledge.gap.read").count() == 1


def test_nobody_of_another_workspace_reads_it(make_person: MakePerson, owner: Someone) -> None:
    stranger = make_person(Role.OWNER, elsewhere=True)
    with workspace_scope(owner.workspace.id):
        collection()
        ask(make_person())
        with pytest.raises(NotFound):
            seen_by(stranger)
    with workspace_scope(stranger.workspace.id):
        assert seen_by(stranger) == []


def test_it_is_closed_for_everybody_and_stays_closed(make_person: MakePerson, owner: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        collection()
        first, second = make_person(), make_person()
        gap_id = ask(first)
        ask(second)
        services.close_gap(gap_id, actor=Actor.person(owner.user.id))
        assert seen_by(owner) == []
        ask(first)
        assert seen_by(owner) == []
        assert seen_by(owner, state="closed")[0].people == 2


def test_it_is_gone_with_the_person_the_conversation_and_the_years(
    make_person: MakePerson, owner: Someone
) -> None:
    with workspace_scope(owner.workspace.id):
        collection()
        erased, deleting, old = make_person(), make_person(), make_person()
        ask(erased)
        destroy_key(Subject.person(erased.user.id), actor=SYSTEM)
        assert seen_by(owner) == [], "without the key the words are gone at once"
        conversation_id = uuid4()
        ask(deleting, "Is there a museum?", conversation_id)
        services.forget_conversation([conversation_id])
        assert seen_by(owner) == []
        gap_id = ask(old, "Do you sell canoes?")
        Gap.objects.filter(id=gap_id).update(asked_at=now() - services.KEPT_OPEN - timedelta(days=1))
    services.forget_old()
    with workspace_scope(owner.workspace.id):
        assert list(Gap.objects.values_list("owner_id", flat=True)) == [erased.user.id]
        erased.user.delete()
        assert not Gap.objects.exists()


def test_its_words_are_not_in_the_database(make_person: MakePerson, owner: Someone) -> None:
    with workspace_scope(owner.workspace.id):
        collection()
        gap_id = ask(make_person())
        row = Gap.objects.filter(id=gap_id).values().get()
    assert "crampons" not in repr(row).lower()
    name = str(settings.DATABASES["default"]["NAME"])
    if Path(name).is_file():
        assert b"crampons" not in Path(name).read_bytes().lower()
