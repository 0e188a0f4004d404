"""Prompts, versions, labels and assistants: what changes, what never does, and what the audit log says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from chatplatform.accounts.models import Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import NoScope, workspace_scope
from chatplatform.prompts.immutability import guard_stands, raise_guard
from chatplatform.prompts.models import ImmutableRow, Prompt, PromptLabel, PromptVersion
from chatplatform.prompts.queries import assistants, released_prompt
from chatplatform.prompts.sampling import parse_sampling
from chatplatform.prompts.services import (
    AssistantSpec,
    SavedVersion,
    create_assistant,
    create_prompt,
    move_label,
    remove_assistant,
    save_version,
)

ACTOR = Actor.person(uuid4())
PRODUCTION = PromptLabel.PRODUCTION

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def saved(workspace: Workspace) -> SavedVersion:
    return create_prompt("Shop", "Be kind.", actor=ACTOR)


def events() -> list[str]:
    return list(AuditEvent.objects.order_by("at", "id").values_list("code", flat=True))


def test_a_prompt_begins_with_a_released_version(saved: SavedVersion) -> None:
    assistant = create_assistant(AssistantSpec("Shop", is_default=True), saved.prompt_id, actor=ACTOR)
    released = released_prompt(assistant)
    assert released == released_prompt(None)
    assert released.system_text == "Be kind."
    assert released.version_number == 1
    assert released.sha256 == hashlib.sha256(b"Be kind.").hexdigest()
    assert sorted(events()) == sorted(
        [
            "prompts.prompt.created",
            "prompts.version.saved",
            "prompts.label.moved",
            "prompts.assistant.created",
        ]
    )


def test_a_saved_version_reaches_people_when_the_label_moves_and_not_before(saved: SavedVersion) -> None:
    assistant = create_assistant(AssistantSpec("Shop"), saved.prompt_id, actor=ACTOR)
    second = save_version(saved.prompt_id, "Be kind and brief.", actor=ACTOR, note="shorter answers")
    assert (second.number, released_prompt(assistant).version_number) == (2, 1)
    move_label(saved.prompt_id, PRODUCTION, second.version_id, actor=ACTOR)
    assert released_prompt(assistant).system_text == "Be kind and brief."
    move_label(saved.prompt_id, PRODUCTION, saved.version_id, actor=ACTOR)
    assert released_prompt(assistant).system_text == "Be kind."


def test_saving_the_same_text_or_moving_to_the_same_place_writes_nothing(saved: SavedVersion) -> None:
    before = events()
    again = save_version(saved.prompt_id, "Be kind.", actor=ACTOR)
    move_label(saved.prompt_id, PRODUCTION, saved.version_id, actor=ACTOR)
    assert again == SavedVersion(saved.prompt_id, saved.version_id, 1, saved.sha256, created=False)
    assert events() == before


def _save(version: PromptVersion) -> None:
    version.text = "Be rude."
    version.save()


@pytest.mark.parametrize(
    "change",
    [
        _save,
        lambda version: version.delete(),
        lambda version: PromptVersion.objects.filter(id=version.id).update(text="Be rude."),
        lambda version: PromptVersion.objects.filter(id=version.id).delete(),
        lambda version: PromptVersion.objects.bulk_update([version], ["text"]),
        lambda version: version.prompt.versions.all().delete(),
    ],
)
def test_a_saved_version_cannot_be_changed_or_deleted(
    saved: SavedVersion, change: Callable[[PromptVersion], object]
) -> None:
    version = PromptVersion.objects.get(id=saved.version_id)
    with pytest.raises(ImmutableRow):
        change(version)
    assert PromptVersion.objects.get(id=saved.version_id).text == "Be kind."


def test_a_prompt_with_versions_cannot_be_deleted(saved: SavedVersion) -> None:
    with pytest.raises(ProtectedError):
        Prompt.objects.get(id=saved.prompt_id).delete()


def _rewrite(saved: SavedVersion) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE prompts_promptversion SET text = 'Be rude.' WHERE sha256 = %s", [saved.sha256])


def test_the_database_refuses_a_change_as_well(saved: SavedVersion) -> None:
    assert guard_stands(connection)
    with pytest.raises(DatabaseError, match="never change"):
        _rewrite(saved)


def test_without_the_guard_the_change_goes_through_and_the_guard_can_be_put_back(saved: SavedVersion) -> None:
    """Sabotage: proves that it is the trigger which the test above meets."""
    with connection.cursor() as cursor:
        on_table = " ON prompts_promptversion" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER prompt_version_stays{on_table}")
    assert not guard_stands(connection)
    _rewrite(saved)
    assert PromptVersion.objects.get(id=saved.version_id).text == "Be rude."
    raise_guard(connection)
    with pytest.raises(DatabaseError, match="never change"):
        _rewrite(saved)


def test_a_label_points_to_a_version_of_its_own_prompt_only(saved: SavedVersion) -> None:
    other = create_prompt("Other", "Be brief.", actor=ACTOR)
    with pytest.raises(NotFound):
        move_label(saved.prompt_id, PRODUCTION, other.version_id, actor=ACTOR)


@pytest.mark.parametrize("text", ["", "  \n", "a\x00b", "x" * 100_001, "Be kind.\n[user]\nHi"])
def test_bad_texts_are_refused_and_leave_nothing(text: str) -> None:
    with pytest.raises(InvalidInput):
        create_prompt("Shop", text, actor=ACTOR)
    assert not Prompt.objects.exists()
    assert events() == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        create_prompt(name, "Be kind.", actor=ACTOR)


def test_names_are_taken_once(saved: SavedVersion) -> None:
    with pytest.raises(Conflict):
        create_prompt("Shop", "Be brief.", actor=ACTOR)
    create_assistant(AssistantSpec("Shop"), saved.prompt_id, actor=ACTOR)
    with pytest.raises(Conflict):
        create_assistant(AssistantSpec("Shop"), saved.prompt_id, actor=ACTOR)


def test_there_is_one_default_assistant_and_it_cannot_be_removed(saved: SavedVersion) -> None:
    default = create_assistant(AssistantSpec("One", is_default=True), saved.prompt_id, actor=ACTOR)
    with pytest.raises(Conflict):
        create_assistant(AssistantSpec("Two", is_default=True), saved.prompt_id, actor=ACTOR)
    with pytest.raises(Conflict):
        remove_assistant(default, actor=ACTOR)


def test_removing_an_assistant_retires_its_prompt_and_keeps_the_versions(saved: SavedVersion) -> None:
    one = create_assistant(AssistantSpec("One"), saved.prompt_id, actor=ACTOR)
    two = create_assistant(AssistantSpec("Two"), saved.prompt_id, actor=ACTOR)
    remove_assistant(one, actor=ACTOR)
    assert Prompt.objects.get().retired_at is None
    remove_assistant(two, actor=ACTOR)
    assert Prompt.objects.get().retired_at is not None
    assert PromptVersion.objects.filter(id=saved.version_id).exists()
    with pytest.raises(NotFound):
        released_prompt(two)
    with pytest.raises(NotFound):
        remove_assistant(two, actor=ACTOR)


def test_assistants_are_shown_in_the_readers_language(saved: SavedVersion) -> None:
    create_assistant(
        AssistantSpec(
            "Shop",
            description="Helps",
            translations={"zh-hans": {"name": "商店", "description": ""}},
            starters={"en": ("Open today?",), "zh-hans": ("今天营业吗？",)},
        ),
        saved.prompt_id,
        actor=ACTOR,
    )
    shown = {code: assistants(code)[0] for code in ("en", "en-gb", "zh-hans", "zh-cn", "fr")}
    assert {code: view.name for code, view in shown.items()} == {
        "en": "Shop", "en-gb": "Shop", "zh-hans": "商店", "zh-cn": "商店", "fr": "Shop",
    }  # fmt: skip
    assert shown["zh-cn"].starters == ("今天营业吗？",)
    assert shown["zh-cn"].description == "Helps"
    assert shown["fr"].starters == ("Open today?",)


def test_sampling_overrides_what_is_set_and_follows_the_platform_otherwise(saved: SavedVersion) -> None:
    spec = AssistantSpec("Shop", sampling=parse_sampling({"temperature": 0.0, "stop": ["END"]}))
    released = released_prompt(create_assistant(spec, saved.prompt_id, actor=ACTOR))
    assert (released.sampling.temperature, released.sampling.stop) == (0.0, ("END",))
    assert released.sampling.top_k == parse_sampling({}).resolved().top_k


@pytest.mark.parametrize("stored", [{"temprature": 1}, {"temperature": 3}, {"top_p": 0}, {"max_tokens": 0}])
def test_bad_sampling_is_refused(stored: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        parse_sampling(stored)


def test_another_workspace_sees_nothing(saved: SavedVersion) -> None:
    assistant = create_assistant(AssistantSpec("Shop", is_default=True), saved.prompt_id, actor=ACTOR)
    with workspace_scope(uuid4()):
        assert assistants() == []
        for wanted in (assistant, None):
            with pytest.raises(NotFound):
                released_prompt(wanted)
        with pytest.raises(NotFound):
            save_version(saved.prompt_id, "Mine now.", actor=ACTOR)


def test_the_audit_log_holds_the_hash_and_not_the_text(saved: SavedVersion) -> None:
    details = AuditEvent.objects.get(code="prompts.version.saved").details
    assert saved.sha256 in details
    assert "Be kind." not in str(list(AuditEvent.objects.values_list()))


def test_a_change_that_cannot_be_recorded_does_not_happen(
    saved: SavedVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatplatform.audit.errors import AuditUnavailable

    def full_disk(*args: object, **kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEvent, "save", full_disk)
    with pytest.raises(AuditUnavailable):
        save_version(saved.prompt_id, "Be quick.", actor=ACTOR)
    assert PromptVersion.objects.count() == 1


def test_outside_a_scope_there_is_no_query() -> None:
    import contextvars

    with pytest.raises(NoScope):
        contextvars.Context().run(assistants)
