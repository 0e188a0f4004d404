"""Space where the platform writes."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.health.checks.findings import Finding, notice, problem, right
from chatplatform.inference.model_files.model_store import models_folder

TOO_LITTLE_BYTES = 200_000_000
LITTLE_BYTES = 2_000_000_000


def disk_space() -> Finding:
    """The fullest of the places: data folder and model files."""
    free, place = min((_free(place), place) for place in (settings.DATA_DIR, models_folder()))
    said = _("%(free).1f GB free in %(place)s") % {"free": free / 1e9, "place": place}
    cure = _("Free some space, or move the folder: CHATPLATFORM_DATA_DIR, CHATPLATFORM_MODELS_DIR.")
    if free < TOO_LITTLE_BYTES:
        return problem(said, cure)
    return notice(said, cure) if free < LITTLE_BYTES else right(said)


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
