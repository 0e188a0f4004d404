"""What lies on disk goes with its row, whatever took the row away."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from chatplatform.files.content import remove_parts
from chatplatform.files.models import StoredFile


@receiver(post_delete, sender=StoredFile)
def _row_is_gone(instance: StoredFile, **_: Any) -> None:
    # a process that dies in between leaves parts without a row: the chore finds them
    transaction.on_commit(partial(remove_parts, instance.id), robust=True)
