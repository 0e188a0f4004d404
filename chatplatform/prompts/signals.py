"""What others may react to. Receivers run inside the transaction of the act and in the workspace's scope."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with `workspace_id` (UUID) and `actor` when the demo was put into a workspace, or into its shipped state again.
demo_installed = Signal()

# Sent with `workspace_id` (UUID) and `actor` when the demo's assistants were removed.
demo_removed = Signal()
