"""The help centre comes and goes with the demo."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from chatplatform.common.actors import Actor
from chatplatform.knowledge.help_centre.installing import have_it_installed, remove
from chatplatform.prompts.signals import demo_installed, demo_removed


@receiver(demo_installed)
def _installed(sender: object, *, workspace_id: UUID, actor: Actor, **_: Any) -> None:
    have_it_installed(workspace_id, actor=actor)


@receiver(demo_removed)
def _removed(sender: object, *, actor: Actor, **_: Any) -> None:
    remove(actor=actor)
