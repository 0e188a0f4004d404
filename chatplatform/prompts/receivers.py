"""What the prompts do when something happens elsewhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from chatplatform.accounts.signals import workspace_created
from chatplatform.common.actors import Actor
from chatplatform.prompts.starting_content import ensure_workspace_content


@receiver(workspace_created)
def furnish(sender: object, *, workspace_id: UUID, actor: Actor, **_: Any) -> None:
    """A new workspace can be used at once: it has an assistant, and a demo to try."""
    ensure_workspace_content(workspace_id, actor=actor)
