"""Who sees an assistant and gets answers from it, and how assistants change."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chatplatform.accounts.models import Group, GroupMembership, Membership, User, Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import Assistant, AssistantGroup
from chatplatform.prompts.queries import assistants, may_use, released_prompt
from chatplatform.prompts.sampling import SamplingSettings
from chatplatform.prompts.services import (
    AssistantSpec,
    change_assistant,
    create_assistant,
    create_prompt,
    make_default,
    set_archived,
)

ACTOR = Actor.person(uuid4())


@pytest.fixture
def prompt_id(workspace: Workspace) -> UUID:
    return create_prompt("Shop", "Be kind.", actor=ACTOR).prompt_id


@pytest.fixture
def group(workspace: Workspace) -> Group:
    return Group.objects.create(workspace_id=workspace.id, name="Sales")


def person(workspace: Workspace, *groups: Group) -> UUID:
    user = User.objects.create_user(f"{uuid4().hex}@example.org")
    membership = Membership.objects.create(user=user, workspace=workspace)
    for group in groups:
        GroupMembership.objects.create(workspace_id=workspace.id, group=group, membership=membership)
    return user.id


def test_only_its_groups_see_an_assistant(workspace: Workspace, prompt_id: UUID, group: Group) -> None:
    spec = AssistantSpec("Sales only", group_ids=frozenset({group.id}))
    assistant = create_assistant(spec, prompt_id, actor=ACTOR)
    inside, outside = person(workspace, group), person(workspace)
    assert [view.id for view in assistants(reader_id=inside)] == [assistant]
    assert assistants(reader_id=outside) == []
    assert released_prompt(assistant, reader_id=inside).system_text == "Be kind."
    with pytest.raises(NotFound, match="assistant_unknown"):
        released_prompt(assistant, reader_id=outside)
    assert (may_use(assistant, reader_id=inside), may_use(assistant, reader_id=outside)) == (True, False)


def test_leaving_the_group_ends_it_at_once(workspace: Workspace, prompt_id: UUID, group: Group) -> None:
    spec = AssistantSpec("Sales only", group_ids=frozenset({group.id}))
    assistant = create_assistant(spec, prompt_id, actor=ACTOR)
    inside = person(workspace, group)
    GroupMembership.objects.filter(membership__user_id=inside).delete()
    assert not may_use(assistant, reader_id=inside)


def test_a_deleted_group_opens_nothing(workspace: Workspace, prompt_id: UUID, group: Group) -> None:
    spec = AssistantSpec("Sales only", group_ids=frozenset({group.id}))
    assistant = create_assistant(spec, prompt_id, actor=ACTOR)
    inside = person(workspace, group)
    group.delete()
    assert not may_use(assistant, reader_id=inside)


def test_groups_of_another_workspace_are_not_found(workspace: Workspace, prompt_id: UUID) -> None:
    other = Workspace.objects.create(name="Other")
    with workspace_scope(other.id):
        foreign = Group.objects.create(workspace_id=other.id, name="Theirs")
    with pytest.raises(NotFound, match="group_unknown"):
        create_assistant(AssistantSpec("A", group_ids=frozenset({foreign.id})), prompt_id, actor=ACTOR)
    assert not Assistant.objects.filter(name="A").exists()


def test_changing_writes_what_changed_and_one_event(
    workspace: Workspace, prompt_id: UUID, group: Group
) -> None:
    assistant = create_assistant(AssistantSpec("A"), prompt_id, actor=ACTOR)
    spec = AssistantSpec(
        "B",
        description="Helps",
        translations={"zh-hans": {"name": "乙", "description": ""}},
        starters={"en": ["Hello?", " "], "zh-hans": []},
        sampling=SamplingSettings(temperature=0.7),
        model="quick",
        group_ids=frozenset({group.id}),
    )
    change_assistant(assistant, spec, actor=ACTOR)
    change_assistant(assistant, spec, actor=ACTOR)
    row = Assistant.objects.get(id=assistant)
    assert (row.name, row.starters, row.model) == ("B", {"en": ["Hello?"]}, "quick")
    assert [view.name for view in assistants("zh-hans")] == ["乙"]
    released = released_prompt(assistant)
    assert (released.model, released.sampling.temperature) == ("quick", 0.7)
    events = AuditEvent.objects.filter(code="prompts.assistant.changed")
    assert events.count() == 1


def test_without_a_model_of_its_own_it_is_the_chat_model(workspace: Workspace, prompt_id: UUID) -> None:
    assert released_prompt(create_assistant(AssistantSpec("A"), prompt_id, actor=ACTOR)).model == "chat"


def test_another_prompt_speaks_from_the_next_turn_on(workspace: Workspace, prompt_id: UUID) -> None:
    other = create_prompt("Other", "Be brief.", actor=ACTOR)
    assistant = create_assistant(AssistantSpec("A"), prompt_id, actor=ACTOR)
    change_assistant(assistant, AssistantSpec("A"), prompt_id=other.prompt_id, actor=ACTOR)
    assert released_prompt(assistant).system_text == "Be brief."


def test_an_archived_assistant_is_gone_until_it_is_restored(workspace: Workspace, prompt_id: UUID) -> None:
    assistant = create_assistant(AssistantSpec("A"), prompt_id, actor=ACTOR)
    set_archived(assistant, True, actor=ACTOR)
    assert assistants() == []
    with pytest.raises(NotFound, match="assistant_unknown"):
        released_prompt(assistant)
    set_archived(assistant, False, actor=ACTOR)
    assert released_prompt(assistant)


def test_there_is_always_one_default_and_it_is_everybodys(
    workspace: Workspace, prompt_id: UUID, group: Group
) -> None:
    first = create_assistant(AssistantSpec("A", is_default=True), prompt_id, actor=ACTOR)
    second = create_assistant(AssistantSpec("B"), prompt_id, actor=ACTOR)
    make_default(second, actor=ACTOR)
    assert released_prompt(None).assistant_id == second
    with pytest.raises(Conflict, match="assistant_is_default"):
        set_archived(second, True, actor=ACTOR)
    narrow = AssistantSpec("B", group_ids=frozenset({group.id}))
    with pytest.raises(Conflict, match="default_is_everybodys"):
        change_assistant(second, narrow, actor=ACTOR)
    change_assistant(first, AssistantSpec("A", group_ids=frozenset({group.id})), actor=ACTOR)
    with pytest.raises(Conflict, match="default_is_everybodys"):
        make_default(first, actor=ACTOR)
    assert AssistantGroup.objects.filter(assistant_id=first).count() == 1


@pytest.mark.parametrize(
    "spec",
    [
        AssistantSpec(""),
        AssistantSpec("A", description="x" * 301),
        AssistantSpec("A", starters={"en": ["?"] * 7}),
        AssistantSpec("A", starters={"en": ["?" * 201]}),
        AssistantSpec("A", starters={"tlh": ["nuqneH"]}),
        AssistantSpec("A", translations={"zh-hans": {"name": "x" * 101}}),
        AssistantSpec("A", model="embedding"),
        AssistantSpec("A", model="a\nb"),
    ],
)
def test_bad_input_changes_nothing(workspace: Workspace, prompt_id: UUID, spec: AssistantSpec) -> None:
    assistant = create_assistant(AssistantSpec("Before"), prompt_id, actor=ACTOR)
    with pytest.raises(InvalidInput):
        change_assistant(assistant, spec, actor=ACTOR)
    assert Assistant.objects.get(id=assistant).name == "Before"


def test_a_taken_name_is_a_conflict(workspace: Workspace, prompt_id: UUID) -> None:
    create_assistant(AssistantSpec("A"), prompt_id, actor=ACTOR)
    second = create_assistant(AssistantSpec("B"), prompt_id, actor=ACTOR)
    with pytest.raises(Conflict, match="assistant_exists"):
        change_assistant(second, AssistantSpec("A"), actor=ACTOR)
