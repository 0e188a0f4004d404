"""Models that people brought or had made here: an entry each, in `.own/<id>.json` of the folder of models.

An entry has the form of the catalogue's, and is what makes the files beside it a model: it is written last.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pydantic import ValidationError

from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.models_folder import models_folder

log = logging.getLogger(__name__)


def own_models() -> tuple[CatalogueModel, ...]:
    """Every model of one's own, by id. An entry that cannot be read is left out and named in the log."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        try:
            model = CatalogueModel.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            log.warning("%s describes no model; delete it, or add the model again.", path)
            continue
        if model.own and model.id == path.stem:
            found.append(model)
    return tuple(sorted(found, key=lambda model: model.id))


def register(model: CatalogueModel) -> None:
    """Make `model`, whose files are in place, known to every process. Raises OSError."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{model.id}.{os.getpid()}"
    draft.write_text(model.model_dump_json(by_alias=True, indent=2), encoding="utf-8")
    draft.replace(folder / f"{model.id}.json")


def unregister(model_id: str) -> None:
    """Forget a model of one's own; nothing happens when there is none of this id. Raises OSError."""
    (_folder() / f"{model_id}.json").unlink(missing_ok=True)


def _folder() -> Path:
    return models_folder() / ".own"
