"""What the index does when a key is destroyed."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from chatplatform.privacy.signals import key_destroyed
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.services import erase


@receiver(key_destroyed)
def erase_index(sender: object, *, subject: Subject, **_: Any) -> None:
    erase(subject)
