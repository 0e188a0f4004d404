"""Secrets may be read by their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.environment.secrets import master_key_path, secrets_dir
from chatplatform.health.checks.findings import Finding, problem, right

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def secrets_are_private() -> Finding:
    """Signing key, engine token and master key are there, and closed to everybody else."""
    environment = settings.ENVIRONMENT
    folder = secrets_dir(environment)
    wanted = {
        folder / "secret.key": environment.secret_key,
        folder / "engine.token": environment.engine_token,
        master_key_path(environment): environment.master_key,
    }
    files = [file for file, set_otherwise in wanted.items() if not set_otherwise]
    if missing := [file for file in files if not file.exists()]:
        return problem(
            _("%(file)s is missing.") % {"file": missing[0]},
            _(
                "Restore it from where you keep it. Without the master key, encrypted content stays unreadable."
            ),
        )
    if open_ones := [str(place) for place in [folder, *files] if place.exists() and _is_open(place)]:
        return problem(
            _("Others can read: %(files)s.") % {"files": ", ".join(open_ones)},
            _("Close it: chmod go= %(files)s") % {"files": " ".join(open_ones)},
        )
    return right(str(folder))


def _is_open(place: Path) -> bool:
    return bool(place.stat().st_mode & OTHERS)
