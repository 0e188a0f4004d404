"""Which licences somebody accepted on this machine, beside the models; who and when stands in the audit log."""

from __future__ import annotations

import json
import os

from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.models_folder import models_folder

_NAME = ".accepted-licences.json"


def is_accepted(model: CatalogueModel) -> bool:
    """Whether the licence that the model has now was accepted here, or asks for nobody's word."""
    return not model.wants_licence_accepted or _read().get(model.id) == model.licence


def accept(model: CatalogueModel) -> None:
    """Remember that the licence was accepted. Raises OSError."""
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_NAME}.{os.getpid()}"
    draft.write_text(json.dumps({**_read(), model.id: model.licence}), encoding="utf-8")
    draft.replace(folder / _NAME)


def _read() -> dict[str, str]:
    try:
        stored = json.loads((models_folder() / _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
