"""What inference does when something happens elsewhere."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from chatplatform.common.actors import Actor
from chatplatform.inference.cache_owners import forget_soon
from chatplatform.privacy.signals import key_destroyed
from chatplatform.privacy.subjects import Subject


@receiver(key_destroyed)
def forget_what_was_read(sender: object, *, subject: Subject, actor: Actor, **_: Any) -> None:
    """Whose content nobody may read any more is not kept by engines either."""
    forget_soon(subject, actor=actor)
