"""A person with a question, and an engine that answers as told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces
from chatplatform.common.threads import in_thread
from chatplatform.inference import gateway
from chatplatform.inference.events import ModelEvent, TextDelta
from chatplatform.inference.models import ModelCall
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject

SAMPLING = gateway.Sampling(max_tokens=100_000)

Ask = Callable[..., ClearedPrompt]


@dataclass(frozen=True)
class Asker:
    person_id: UUID
    workspace_id: UUID

    async def ask(self, question: str, *, so_far: str = "") -> ClearedPrompt:
        """A cleared prompt: a system message and the question, to be answered or continued."""
        messages = [PromptMessage("system", "Be kind."), PromptMessage("user", question)]
        if so_far:
            messages.append(PromptMessage("assistant", so_far))
        return await self.clear(Prompt(tuple(messages), continue_final=bool(so_far)))

    async def clear(self, prompt: Prompt) -> ClearedPrompt:
        return await in_thread(clear)(
            prompt,
            subject=Subject.person(self.person_id),
            workspace_id=self.workspace_id,
            actor=Actor.person(self.person_id),
            purpose="chat.answer",
            destination=gateway.destination(),
        )


@pytest.fixture
def asker(transactional_db: None, audit_log_survives_flush: None) -> Asker:
    user = User.objects.create_user("wanda@example.org")
    workspace = Workspace.objects.create(name="Shop")
    Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
    return Asker(user.id, workspace.id)


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def calls() -> list[ModelCall]:
    with all_workspaces("test"):
        return list(ModelCall.objects.order_by("opened_at"))
