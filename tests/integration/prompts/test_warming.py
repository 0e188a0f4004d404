"""The platform's own words are read once for each start of the engine, and when others are released."""

from __future__ import annotations

from uuid import UUID

import pytest

from chatplatform.accounts.models import Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.errors import EngineRefused
from chatplatform.prompts.services import (
    AssistantSpec,
    create_assistant,
    create_prompt,
    move_label,
    save_version,
    set_archived,
)
from chatplatform.prompts.warming import MOST_OPENINGS, Warmer, openings_in_use
from chatplatform.testing.fixtures import ScriptedEngineProcess

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])

ACTOR = Actor.system("test")


def workspace() -> UUID:
    owner = bootstrap_owner()
    return Workspace.objects.get(memberships__user=owner).id


def assistant(workspace_id: UUID, name: str, text: str) -> tuple[UUID, UUID]:
    """Ids of its prompt and of the assistant."""
    with workspace_scope(workspace_id):
        prompt_id = create_prompt(name, text, actor=ACTOR).prompt_id
        return prompt_id, create_assistant(AssistantSpec(name), prompt_id, actor=ACTOR)


def release(workspace_id: UUID, prompt_id: UUID, text: str) -> None:
    with workspace_scope(workspace_id):
        saved = save_version(prompt_id, text, actor=ACTOR)
        move_label(prompt_id, "production", saved.version_id, actor=ACTOR)


async def test_each_text_is_read_once_and_again_when_something_changes(
    scripted_engine: ScriptedEngineProcess,
) -> None:
    workspace_id = await in_thread(workspace)()
    prompt_id, _assistant = await in_thread(assistant)(workspace_id, "Tents", "You know tents.")
    warmer = Warmer()
    assert await warmer.warm() == len(await in_thread(openings_in_use)())
    assert "You know tents." in scripted_engine.state()["warmed"]
    assert await warmer.warm() == 0

    await in_thread(release)(workspace_id, prompt_id, "You know stoves.")
    assert await warmer.warm() == 1
    assert scripted_engine.state()["warmed"][-1] == "You know stoves."

    scripted_engine.restart()
    rounds = [await warmer.warm() for _ in range(3)]  # the first may meet a connection that has ended
    assert sum(rounds) == len(await in_thread(openings_in_use)())


async def test_an_engine_that_is_down_or_cannot_is_no_error(
    scripted_engine: ScriptedEngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(workspace)()
    asked: list[str] = []

    async def refuse(*_: object, model: str) -> None:
        asked.append(model)
        raise EngineRefused

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "warm", refuse)
        warmer = Warmer()
        assert await warmer.warm() == 0
        assert asked
        once = len(asked)
        assert await warmer.warm() == 0
        assert len(asked) == once, "an engine that cannot is not asked again"
    scripted_engine.kill()
    assert await Warmer().warm() == 0


def test_only_what_people_get_is_read_and_not_without_end() -> None:
    workspace_id = workspace()
    _prompt, archived = assistant(workspace_id, "Old", "You are old.")
    with workspace_scope(workspace_id):
        set_archived(archived, True, actor=ACTOR)
    for number in range(MOST_OPENINGS):
        assistant(
            workspace_id, f"Assistant {number}", f"You are number {number}.\n[user]\nHi\n[assistant]\nHello"
        )
    texts = [[message.content for message in opening] for _model, opening in openings_in_use()]
    assert len(texts) == MOST_OPENINGS
    assert ["You are old."] not in texts
    assert ["You are number 0.", "Hi", "Hello"] in texts
