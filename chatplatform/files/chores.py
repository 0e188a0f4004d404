"""What is done for files without anybody asking."""

from __future__ import annotations

import time
from uuid import UUID

from chatplatform.common.scope import all_workspaces
from chatplatform.files import content, services
from chatplatform.files.models import StoredFile
from chatplatform.jobs.registry import chore

# a part is written before its row, and an upload may take long
ORPHAN_AFTER_S = 6 * 3600


@chore("files.unsent", every_s=600)
def sweep_unsent_files() -> None:
    services.sweep_unsent()


@chore("files.unread", every_s=30)
def take_up_unread_files() -> None:
    services.read_again_what_was_dropped()


@chore("files.orphans", every_s=3600, limit_s=600)
def remove_orphans() -> None:
    """Parts on disk that no row names: of uploads that were cut off by a crash, or of rows gone with their database."""
    root = content.folder()
    if not root.is_dir():
        return
    for place in sorted(path for path in root.iterdir() if path.is_dir()):
        old = [path for path in place.iterdir() if time.time() - path.stat().st_mtime > ORPHAN_AFTER_S]
        ids = {path: file_id for path in old if (file_id := _id_in(path.name)) is not None}
        with all_workspaces("parts of all workspaces lie in one folder"):
            known = set(StoredFile.objects.filter(id__in=set(ids.values())).values_list("id", flat=True))
        for path, file_id in ids.items():
            if file_id not in known or path.name.endswith(".new"):
                path.unlink(missing_ok=True)


def _id_in(name: str) -> UUID | None:
    try:
        return UUID(name.partition(".")[0])
    except ValueError:
        return None
