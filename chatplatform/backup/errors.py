"""What can go wrong with a backup. Shown to whoever runs the command."""

from __future__ import annotations

from chatplatform.common.errors import InvalidInput, Unavailable


class BackupRefused(InvalidInput):
    """The archive, or the place it is to go to, will not do. Nothing was changed."""


class BackupFailed(Unavailable):
    """A part could not be copied now. What was begun is removed."""
