"""Releases and rollbacks: one step back at a time, and one winner when two act at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from django.db import connections

from chatplatform.accounts.models import Workspace
from chatplatform.audit.models import AuditEvent
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.common.scope import workspace_scope
from chatplatform.prompts.models import LabelMove, PromptLabel
from chatplatform.prompts.services import create_prompt, move_label, remove_label, roll_back, save_version

ACTOR = Actor.person(uuid4())
PRODUCTION = PromptLabel.PRODUCTION


def released(prompt_id: UUID) -> int:
    return PromptLabel.objects.get(prompt_id=prompt_id, name=PRODUCTION).version.number


def three_releases() -> tuple[UUID, list[UUID]]:
    first = create_prompt("Shop", "one", actor=ACTOR)
    versions = [first.version_id]
    for text in ("two", "three"):
        saved = save_version(first.prompt_id, text, actor=ACTOR)
        move_label(first.prompt_id, PRODUCTION, saved.version_id, actor=ACTOR)
        versions.append(saved.version_id)
    return first.prompt_id, versions


def test_rolling_back_walks_through_what_was_released(workspace: Workspace) -> None:
    prompt_id, _versions = three_releases()
    assert [roll_back(prompt_id, actor=ACTOR), roll_back(prompt_id, actor=ACTOR)] == [2, 1]
    assert released(prompt_id) == 1
    with pytest.raises(Conflict, match="nothing_before"):
        roll_back(prompt_id, actor=ACTOR)


def test_a_release_after_a_rollback_is_what_one_rolls_back_from(workspace: Workspace) -> None:
    prompt_id, _versions = three_releases()
    roll_back(prompt_id, actor=ACTOR)
    fourth = save_version(prompt_id, "four", actor=ACTOR)
    move_label(prompt_id, PRODUCTION, fourth.version_id, actor=ACTOR)
    assert roll_back(prompt_id, actor=ACTOR) == 2


def test_who_looked_at_another_version_moves_nothing(workspace: Workspace) -> None:
    prompt_id, versions = three_releases()
    with pytest.raises(Conflict, match="label_moved_meanwhile"):
        roll_back(prompt_id, actor=ACTOR, expected_version_id=versions[0])
    with pytest.raises(Conflict, match="label_moved_meanwhile"):
        move_label(prompt_id, PRODUCTION, versions[0], actor=ACTOR, expected_version_id=versions[1])
    assert released(prompt_id) == 3


@pytest.mark.django_db(transaction=True, databases=["default", "keys"])
def test_of_two_rollbacks_at_once_one_wins_and_the_other_is_told() -> None:
    made = Workspace.objects.create(name="Race")
    with workspace_scope(made.id):
        prompt_id, versions = three_releases()
    together = Barrier(2)

    def act(_number: int) -> str:
        try:
            with workspace_scope(made.id):
                together.wait(timeout=10)
                roll_back(prompt_id, actor=ACTOR, expected_version_id=versions[2])
            return "moved"
        except Conflict as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(act, range(2)))
    assert outcomes == ["label_moved_meanwhile", "moved"]
    with workspace_scope(made.id):
        assert released(prompt_id) == 2
        assert LabelMove.objects.filter(kind=LabelMove.Kind.ROLLBACK).count() == 1


def test_free_labels_come_and_go(workspace: Workspace) -> None:
    prompt_id, versions = three_releases()
    move_label(prompt_id, "staging", versions[2], actor=ACTOR, expected_version_id=None)
    move_label(prompt_id, "staging", versions[1], actor=ACTOR, expected_version_id=versions[2])
    remove_label(prompt_id, "staging", actor=ACTOR)
    assert set(PromptLabel.objects.values_list("name", flat=True)) == {PRODUCTION}
    assert AuditEvent.objects.filter(code="prompts.label.removed").count() == 1
    with pytest.raises(NotFound):
        remove_label(prompt_id, "staging", actor=ACTOR)


@pytest.mark.parametrize("name", ["", "Two Words", "ÄÖ", "latest", "draft", "x" * 33, "-x", "a\n"])
def test_bad_labels_are_refused(workspace: Workspace, name: str) -> None:
    prompt_id, versions = three_releases()
    with pytest.raises(InvalidInput, match="label_invalid"):
        move_label(prompt_id, name, versions[0], actor=ACTOR)


def test_production_cannot_be_taken_off(workspace: Workspace) -> None:
    prompt_id, _versions = three_releases()
    with pytest.raises(Conflict, match="label_in_use"):
        remove_label(prompt_id, PRODUCTION, actor=ACTOR)


def test_the_history_says_who_moved_what(workspace: Workspace) -> None:
    prompt_id, versions = three_releases()
    roll_back(prompt_id, actor=ACTOR)
    rows = LabelMove.objects.filter(prompt_id=prompt_id).order_by("id")
    assert [(row.kind, row.from_version_id, row.version_id) for row in rows] == [
        ("release", None, versions[0]),
        ("release", versions[0], versions[1]),
        ("release", versions[1], versions[2]),
        ("rollback", versions[2], versions[1]),
    ]
    assert {row.moved_by for row in rows} == {ACTOR.id}
