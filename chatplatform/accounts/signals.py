"""What others may react to. Receivers run inside the transaction of the act, so that both happen or neither."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with `workspace_id` (UUID) and `actor` once a workspace exists.
workspace_created = Signal()

# Sent with `workspace_id`, `user_id` (UUIDs) and `actor` when a person was suspended or removed: whatever runs
# for them in that workspace is to end.
place_lost = Signal()

# Sent with `invitation_id`, `workspace_id` (UUIDs), `email`, `url` and `actor` when somebody was invited; `email`
# is empty for an open link. A job that mails it carries the id alone and asks `invitations.invitation_link` for
# the address when it runs, so that no token is kept in a row.
invitation_made = Signal()
