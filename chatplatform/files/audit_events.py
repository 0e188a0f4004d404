"""What files write into the audit log: kinds, sizes and outcomes, never names or content."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import declare

FILE_UPLOADED = declare("files.file.uploaded", summary=_("A person attached a file"), fields=("kind", "size"))
FILE_READ = declare(
    "files.file.read",
    summary=_("An attached file was read, or could not be"),
    fields=("kind", "problem", "characters", "pages", "is_cut"),
)
FILE_OPENED = declare(
    "files.file.opened", summary=_("A person downloaded a file or opened its text"), fields=("part",)
)
FILE_DELETED = declare("files.file.deleted", summary=_("A file was deleted"), fields=("reason",))
FILE_USE_CHOSEN = declare(
    "files.file.use_chosen", summary=_("A person chose how questions get a file"), fields=("use",)
)
