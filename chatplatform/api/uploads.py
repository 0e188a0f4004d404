"""The addresses at which files come in as they are, instead of as JSON."""

from __future__ import annotations

import re
from typing import Final

from django.conf import settings

from chatplatform.files import content
from chatplatform.files.upload import Door
from chatplatform.knowledge.content import path_of

FILES: Final = Door(
    address=re.compile("/api/files"),
    path_of=content.path_of,
    most_bytes=lambda: settings.ENVIRONMENT.file_mb * 2**20,
)

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DOCUMENTS: Final = Door(
    address=re.compile(f"/api/knowledge/(?:collections/{_ID}/documents|documents/{_ID}/content)"),
    path_of=path_of,
    most_bytes=lambda: settings.ENVIRONMENT.knowledge_file_mb * 2**20,
)

UPLOAD_DOORS: Final = (FILES, DOCUMENTS)
