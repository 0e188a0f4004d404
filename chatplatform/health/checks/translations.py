"""The compiled translations that ship with the platform."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import to_locale

from chatplatform.health.checks.findings import Finding, problem, right

SOURCE_LANGUAGE = "en"


def translations_are_compiled() -> Finding:
    languages = [code for code, _name in settings.LANGUAGES if code != SOURCE_LANGUAGE]
    for code in languages:
        files = [
            Path(folder, to_locale(code), "LC_MESSAGES", "django.mo") for folder in settings.LOCALE_PATHS
        ]
        if not any(file.is_file() for file in files):
            return problem(
                _("The language %(code)s is not compiled.") % {"code": code},
                _("Run: python manage.py translations compile"),
            )
    return right(", ".join([SOURCE_LANGUAGE, *languages]))
