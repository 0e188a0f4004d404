"""The model files, read from beginning to end."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.common.errors import PlatformError
from chatplatform.health.checks.findings import Finding, problem, right
from chatplatform.inference.model_files import catalogue, model_store
from chatplatform.inference.model_files.model_choice import chosen_or_default


def model_files_are_right() -> Finding:
    """Every model that the settings name is here and has the right SHA-256. Takes seconds for large ones."""
    wanted = wanted_models()
    for model in wanted:
        if finding := _wrong(model):
            return finding
    return right(", ".join(wanted) or _("engines elsewhere have their own"))


def model_files_are_here() -> Finding:
    """The same by size and time of change alone, which is at once."""
    wanted = wanted_models()
    for model in wanted:
        is_there = catalogue.find(model) is not None and model_store.presence(model) in {"here", "unread"}
        if not is_there and (finding := _absent(model)):
            return finding
    return right(", ".join(wanted) or _("engines elsewhere have their own"))


def wanted_models() -> list[str]:
    """What the processes of this machine serve: catalogue ids, or paths of models of one's own."""
    environment = settings.ENVIRONMENT
    wanted = [] if environment.llm_url else [each.reference for each in chosen_or_default().values()]
    wanted += [] if environment.encoder_url else [environment.embedding_model]
    return list(dict.fromkeys(wanted))


def _absent(model: str) -> Finding | None:
    if catalogue.find(model) is None:
        return _wrong(model)
    return problem(
        _("%(model)s is not here.") % {"model": model},
        _("Fetch it: python manage.py models pull %(model)s") % {"model": model},
    )


def _wrong(model: str) -> Finding | None:
    if catalogue.find(model) is None:
        if model_store.model_path(model) is not None:
            return None
        return problem(
            _("There is no model “%(model)s”, neither in the catalogue nor as a file.") % {"model": model},
            _("Correct the setting; `python manage.py models list` shows what there is."),
        )
    try:
        states = {found.state for found in model_store.verify(model)}
    except PlatformError as error:  # an encrypted file whose key is not this installation's
        return problem(_("%(model)s cannot be read.") % {"model": model}, str(error.message))
    fetch = _("Fetch it: python manage.py models pull %(model)s") % {"model": model}
    if "damaged" in states:
        return problem(_("%(model)s is damaged.") % {"model": model}, fetch)
    if "missing" in states:
        return problem(_("%(model)s is not here.") % {"model": model}, fetch)
    return None
