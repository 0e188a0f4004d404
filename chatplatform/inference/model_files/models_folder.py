"""Where model files are kept."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from django.conf import settings


def models_folder() -> Path:
    """`CHATPLATFORM_MODELS_DIR`, or the platform's folder of the user's cache; it may not exist yet."""
    configured: Path | None = settings.ENVIRONMENT.models_dir
    return configured.resolve() if configured else platformdirs.user_cache_path("chatplatform") / "models"
