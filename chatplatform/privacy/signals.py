"""What others may react to. Receivers run inside the transaction that records the act."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with `subject` (Subject) and `actor` once the subject's key is destroyed: what is derived from their content,
# and lies where no key protects it, is to go too. May be sent again for the same subject.
key_destroyed = Signal()
