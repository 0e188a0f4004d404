"""The folder of model files: what is there, and how the rest gets there.

The folder is `CHATPLATFORM_MODELS_DIR` or the user's cache, so that checkouts share it. A model lies in
`<folder>/<id>/`; a single file put by hand straight into `<folder>` under its catalogue name is taken as
well. A file counts only when its SHA-256 is the catalogue's.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.utils.translation import gettext as _

from chatplatform.common.errors import PlatformError
from chatplatform.inference.model_files import catalogue, encrypted_model
from chatplatform.inference.model_files.catalogue import CatalogueModel, ModelFile
from chatplatform.inference.model_files.model_fetch import Fetch, ModelUnavailable, Progress
from chatplatform.inference.model_files.model_lock import model_lock
from chatplatform.inference.model_files.models_folder import models_folder
from chatplatform.inference.model_files.own_models import unregister
from chatplatform.inference.model_files.verified_files import VerifiedFiles, file_sha256

__all__ = [
    "ModelUnavailable",
    "Presence",
    "Progress",
    "disk_bytes",
    "encrypted_file",
    "ensure",
    "home_of",
    "model_path",
    "model_sha256",
    "models_folder",
    "presence",
    "remove",
    "unwritable",
    "verify",
]

Presence = Literal["here", "unread", "begun", "missing"]


def _silent(fraction: float, detail: str) -> None:
    """Progress that nobody looks at."""


def home_of(model: CatalogueModel) -> Path:
    """The model's own folder, which may not exist."""
    return models_folder() / model.id


def encrypted_file(model: CatalogueModel) -> Path | None:
    """The encrypted file that this model has here, right or not; None for most."""
    if model.is_folder:
        return None
    path = home_of(model) / (model.files[0].name + encrypted_model.SUFFIX)
    return path if path.is_file() else None


def model_path(reference: str) -> Path | None:
    """The verified file or folder of a catalogue model, or None when it is missing or not whole.

    An encrypted file proves itself when it is opened (encrypted_model.opened), so it is returned unread.
    `reference` may be the path of a model of one's own, which is returned as it is when it exists.
    """
    model = catalogue.find(reference)
    if model is None:
        own = Path(reference).expanduser()
        return own.resolve() if own.exists() else None
    for folder in _candidates(model):
        verified = VerifiedFiles(folder)
        if all(verified.is_right(folder / file.name, file.size, file.sha256) for file in model.files):
            return folder if model.is_folder else folder / model.files[0].name
    return encrypted_file(model)


def presence(model_id: str) -> Presence:
    """Whether a catalogue model is here, without reading its files: "unread" ones have the right size and were
    not compared yet, "begun" ones are half fetched. Raises NotFound for an unknown id."""
    model = catalogue.get(model_id)
    for folder in _candidates(model):
        verified = VerifiedFiles(folder)
        if all(verified.is_known(folder / file.name, file.size, file.sha256) for file in model.files):
            return "here"
        if all(_size(folder / file.name) == file.size for file in model.files):
            return "unread"
    sealed = encrypted_file(model)
    if sealed is not None:
        return "here" if _claims_to_be(sealed, model.files[0]) else "unread"
    begun = models_folder() / ".downloads" / model.id
    return "begun" if begun.is_dir() and any(begun.iterdir()) else "missing"


def remove(model_id: str) -> int:
    """Delete the files of a catalogue model, and what was fetched of it; how many bytes were freed.

    Whoever still reads a file keeps it until they close it. Raises NotFound, and ModelUnavailable when the
    folder cannot be written.
    """
    model = catalogue.get(model_id)
    folder = models_folder()
    freed = 0
    try:
        for place in (folder / model.id, folder / ".downloads" / model.id):
            if place.is_dir():
                freed += sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
                shutil.rmtree(place)
        if _may_lie_loose(model):
            lone = folder / model.files[0].name
            if lone.is_file():
                freed += lone.stat().st_size
                VerifiedFiles(folder).forget(lone)
                lone.unlink()
        if model.own:
            unregister(model.id)
    except OSError as error:
        raise unwritable(error) from error
    return freed


def disk_bytes(model_id: str) -> int:
    """What the model takes of the disk now, half-fetched and set-aside files included."""
    model = catalogue.get(model_id)
    places = (home_of(model), models_folder() / ".downloads" / model.id)
    found = sum(path.stat().st_size for place in places for path in place.rglob("*") if path.is_file())
    lone = models_folder() / model.files[0].name
    return found + (lone.stat().st_size if _may_lie_loose(model) and lone.is_file() else 0)


def unwritable(error: OSError) -> ModelUnavailable:
    """What to say when the folder of models refuses something."""
    return ModelUnavailable(
        "models_folder_unwritable",
        _("%(folder)s cannot be written (%(reason)s). Set CHATPLATFORM_MODELS_DIR to another folder.")
        % {"folder": models_folder(), "reason": error.strerror or type(error).__name__},
    )


def _claims_to_be(path: Path, file: ModelFile) -> bool:
    try:
        return encrypted_model.header_of(path).plain_sha256 == file.sha256
    except (PlatformError, OSError):
        return False


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _candidates(model: CatalogueModel) -> tuple[Path, ...]:
    own_folder = models_folder() / model.id
    return (own_folder, models_folder()) if _may_lie_loose(model) else (own_folder,)


def _may_lie_loose(model: CatalogueModel) -> bool:
    """Whether a file straight in the folder of models is this model; of one's own it may be the original."""
    return not model.is_folder and not model.own


def model_sha256(reference: str) -> str:
    """The SHA-256 that stands for a model: the catalogue's of its largest file, or of the file at a path.

    Reads the file (of a folder, the largest) for a model of one's own. Raises NotFound when there is neither.
    """
    path = None if catalogue.find(reference) else model_path(reference)
    if path is None:
        return max(catalogue.get(reference).files, key=lambda file: file.size).sha256
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return file_sha256(max(files, key=lambda file: file.stat().st_size))


def ensure(reference: str, progress: Progress = _silent) -> Path:
    """The model, fetched from the first source that has it unless it is here already.

    May be interrupted and called again: it goes on where it was. Two processes at once share one download.
    Raises NotFound for an unknown id, ModelUnavailable with cause and cure when it cannot be had.
    """
    path = model_path(reference)
    if path is not None:
        return path
    model = catalogue.get(reference)
    if model.own:
        raise ModelUnavailable(
            "own_model_gone",
            _("The file of your own model %(model)s is gone. Delete the model and add its file again.")
            % {"model": model.id},
        )
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        waiting = _("another process is fetching it")
        with model_lock(folder / f".{model.id}.lock", waiting=lambda: progress(0.0, waiting)):
            if model_path(reference) is None:  # else the other process has brought it
                Fetch(model, folder, progress).run()
    except OSError as error:
        raise unwritable(error) from error
    path = model_path(reference)
    if path is None:
        raise ModelUnavailable("model_vanished", _("The model was removed while it was fetched. Try again."))
    progress(1.0, _("ready"))
    return path


@dataclass(frozen=True)
class FileState:
    """What `verify` found: `state` is "right", "missing" or "damaged"."""

    file: ModelFile
    path: Path
    state: str


def verify(model_id: str) -> tuple[FileState, ...]:
    """Read every file of a catalogue model from beginning to end.

    Raises NotFound for an unknown id; of an encrypted one, what `encrypted_model.verify` raises.
    """
    model = catalogue.get(model_id)
    sealed = encrypted_file(model)
    if sealed is not None and not (home_of(model) / model.files[0].name).exists():
        right = _claims_to_be(sealed, model.files[0]) and encrypted_model.verify(sealed)
        return (FileState(model.files[0], sealed, "right" if right else "damaged"),)
    folder = next(
        (place for place in _candidates(model) if (place / model.files[0].name).exists()),
        models_folder() / model.id,
    )
    verified = VerifiedFiles(folder)
    states = []
    for file in model.files:
        path = folder / file.name
        verified.forget(path)
        right = verified.is_right(path, file.size, file.sha256)
        states.append(FileState(file, path, "right" if right else "damaged" if path.exists() else "missing"))
    return tuple(states)
