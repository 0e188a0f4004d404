"""What backups write into the audit log."""

from __future__ import annotations

from chatplatform.audit.catalogue import declare

BACKUP_MADE = declare(
    "backup.made",
    summary="A backup was made, or could not be made.",
    fields=("backup", "covers_until", "bytes", "sha256", "with_keys", "reason"),
    level="notice",
)
BACKUP_RESTORED = declare(
    "backup.restored",
    summary="A backup was restored over this installation, or refused.",
    fields=("backup", "covers_until", "sha256", "with_keys", "replaced", "unreadable_people", "reason"),
    level="warning",
)
