"""Make a model anew with weights of another type: another size, another speed, another quality."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.inference.model_files import catalogue, native_process
from chatplatform.inference.model_files.benchmarking import chat_file
from chatplatform.inference.model_files.catalogue_entries import CatalogueModel, ModelFile
from chatplatform.inference.model_files.encrypted_model import is_encrypted
from chatplatform.inference.model_files.models_folder import models_folder
from chatplatform.inference.model_files.own_files import (
    Report,
    check_is_new,
    check_room,
    entry,
    id_for,
    look_into,
    settle,
)
from chatplatform.inference.model_files.verified_files import file_sha256

MODULE: Final = "chatplatform.inference.engines.llamacpp.quantize_file"
# llama.cpp's numbers (llama_ftype), and about how many bits a weight takes
KINDS: Final[dict[str, tuple[int, float]]] = {
    "Q4_0": (2, 4.6),
    "Q4_1": (3, 5.1),
    "Q8_0": (7, 8.6),
    "Q5_0": (8, 5.6),
    "Q5_1": (9, 6.1),
    "Q4_K_S": (14, 4.7),
    "Q4_K_M": (15, 5.0),
    "Q5_K_S": (16, 5.6),
    "Q5_K_M": (17, 5.8),
    "Q6_K": (18, 6.7),
    "F16": (1, 16.1),
}


def quantized_id(model_id: str, kind: str) -> str:
    """The name of the model that `quantize` makes."""
    return id_for(f"{model_id}-{kind}")


def file_name(new_id: str) -> str:
    """What the file of a model that is made here is called."""
    return f"{new_id}.gguf"


def source_of(model_id: str) -> tuple[CatalogueModel, Path]:
    """A chat model whose plain file is here. Raises NotFound, InvalidInput, Conflict."""
    path = chat_file(model_id)
    if is_encrypted(path):
        raise Conflict("model_is_encrypted", _("This model is encrypted. Decrypt it first."))
    return catalogue.get(model_id), path


def check_kind(kind: str) -> None:
    """Raise InvalidInput for a type that is not offered."""
    if kind not in KINDS:
        raise InvalidInput(
            "quantisation_unknown",
            _("There is no type %(kind)s. Choose one of: %(kinds)s.")
            % {"kind": kind[:20], "kinds": ", ".join(KINDS)},
        )


def quantize(model_id: str, kind: str, report: Report) -> CatalogueModel:
    """Write the model with weights of type `kind` into a folder of its own; the entry to register.

    Takes from a second to minutes, in a process of its own, which ends when `report` raises. Raises NotFound,
    InvalidInput, Conflict, ModelUnavailable, NativeFailed, OSError.
    """
    check_kind(kind)
    model, path = source_of(model_id)
    new_id = quantized_id(model_id, kind)
    check_is_new(new_id, file_name(new_id))
    own = look_into(path)
    number, bits = KINDS[kind]
    check_room(int(own.weights * bits / 8))
    work = models_folder() / ".downloads" / new_id
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    told = [0.0]

    def on_line(line: dict[str, object]) -> None:
        told[0] = float(str(line["fraction"])) * 0.97

    try:
        draft = work / file_name(new_id)
        native_process.run_native(
            MODULE,
            [str(path), str(draft), str(number), str(settings.ENVIRONMENT.llm_threads)],
            on_line=on_line,
            on_tick=lambda: report(told[0]),
        )
        made = look_into(draft)
        file = ModelFile(name=draft.name, size=made.file_bytes, sha256=file_sha256(draft))
        found = entry(
            made,
            file,
            model_id=new_id,
            title=f"{own_title(model)} ({kind})",
            licence=model.licence,
            languages=model.languages,
            publisher=model.publisher,
            page=model.page,
            made_from=model.id,
            rank=model.rank,
        )
        settle(found, draft, file)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report(1.0)
    return found


def own_title(model: CatalogueModel) -> str:
    """The title without the type of the weights."""
    return model.title.partition(" (")[0]
