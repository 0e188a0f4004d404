"""Encrypt the file of a model that is here, and decrypt it again."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.inference.model_files import catalogue, encrypted_model, model_store
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel
from chatplatform.inference.model_files.encrypted_model import Report
from chatplatform.inference.model_files.own_files import check_room
from chatplatform.inference.model_files.verified_files import VerifiedFiles


def seal(model_id: str, report: Report) -> bool:
    """Replace the plain file by an encrypted one; whether another name of the plain file is left somewhere.

    Whoever reads the plain file now goes on doing so. Raises NotFound, InvalidInput, Conflict, ModelUnavailable,
    KeysUnavailable, OSError.
    """
    model = _single_file(model_id)
    path = model_store.model_path(model_id)
    if path is None:
        raise Conflict("model_not_here", _("The file of this model is not here yet. Fetch it first."))
    if encrypted_model.is_encrypted(path):
        raise Conflict("model_is_encrypted_already", _("This model is encrypted already."))
    check_room(path.stat().st_size)
    target = model_store.home_of(model) / (path.name + encrypted_model.SUFFIX)
    target.parent.mkdir(parents=True, exist_ok=True)
    encrypted_model.encrypt(path, target, report)
    linked = path.stat().st_nlink > 1
    VerifiedFiles(path.parent).forget(path)
    path.unlink()
    return linked


def unseal(model_id: str, report: Report) -> None:
    """Replace the encrypted file by the plain one. Raises as `seal` does, and what `encrypted_model.decrypt` raises."""
    model = _single_file(model_id)
    sealed = model_store.encrypted_file(model)
    if sealed is None:
        raise Conflict("model_is_plain", _("This model is not encrypted."))
    check_room(sealed.stat().st_size)
    path = sealed.with_name(model.files[0].name)
    encrypted_model.decrypt(sealed, path, report)
    if not VerifiedFiles(path.parent).is_right(path, model.files[0].size, model.files[0].sha256):
        path.unlink()
        raise encrypted_model.DamagedEncryptedModel
    sealed.unlink()


def _single_file(model_id: str) -> CatalogueModel:
    model = catalogue.get(model_id)
    if model.is_folder or model.kind != "chat":
        raise InvalidInput(
            "model_not_encryptable", _("Only models for answers, which are one file, can be encrypted.")
        )
    return model
