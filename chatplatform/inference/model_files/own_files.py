"""Bring a person's own GGUF file into the folder of models: looked into, hashed, linked or copied."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.inference.engines.llamacpp.gguf import DamagedModel, GGUFHeader, read_header
from chatplatform.inference.model_files import catalogue
from chatplatform.inference.model_files.catalogue_entries import MAX_ID_LENGTH, CatalogueModel, ModelFile
from chatplatform.inference.model_files.forecast import memory_needed
from chatplatform.inference.model_files.model_store import ModelUnavailable, home_of, unwritable
from chatplatform.inference.model_files.models_folder import models_folder
from chatplatform.inference.model_files.verified_files import HASH_BYTES, REMEMBERED, VerifiedFiles

SPARE_BYTES: Final = 64 * 1024 * 1024
_UNREAD: Final = "0" * 64
# They make embeddings or read pictures; the engine for answers can do nothing with them.
_NO_CHAT: Final = ("bert", "clip", "t5encoder", "wavtokenizer")

Way = Literal["link", "copy"]
# called with a fraction from 0 to 1
Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that was looked into, and what it says of itself; `licence` is empty when it says nothing."""

    path: Path
    model_id: str
    title: str
    licence: str
    languages: tuple[str, ...]
    context_tokens: int
    cache_bytes_per_token: int
    file_bytes: int
    weights: int

    @property
    def memory_bytes(self) -> int:
        context = min(self.context_tokens, settings.ENVIRONMENT.context_tokens)
        return memory_needed(self.file_bytes, self.cache_bytes_per_token, context)


def look_into(path: Path) -> OwnFile:
    """Read the header of a person's file; nothing of llama.cpp. Raises InvalidInput with what is wrong with it."""
    if not path.is_file():
        raise InvalidInput(
            "own_file_missing", _("There is no such file on the server, or it cannot be read.")
        )
    try:
        header = read_header(path)
    except OSError as error:
        raise InvalidInput(
            "own_file_missing", _("There is no such file on the server, or it cannot be read.")
        ) from error
    _refuse_others(header)
    title = str(header.metadata.get("general.name") or path.stem)[:100]
    return OwnFile(
        path=path.resolve(),
        model_id=id_for(path.stem),
        title=title,
        licence=str(header.metadata.get("general.license") or "")[:60],
        languages=(),
        context_tokens=header.context_tokens,
        cache_bytes_per_token=header.cache_bytes_per_token,
        file_bytes=header.file_size,
        weights=sum(math.prod(tensor.shape) for tensor in header.tensors),
    )


def id_for(words: str) -> str:
    """A short name as ids are made, from any words; "model" when nothing is left of them."""
    return re.sub(r"[^a-z0-9._]+", "-", words.lower()).strip("-._")[:MAX_ID_LENGTH] or "model"


def check_is_new(model_id: str, file_name: str) -> None:
    """Raise Conflict when the id is taken: by a model, or by a folder with other files than this one.

    The file alone, without an entry, is what a process left that was killed while it made the model.
    """
    home = models_folder() / model_id
    left = {file_name, REMEMBERED}
    if catalogue.find(model_id) is not None or (
        home.exists() and {path.name for path in home.iterdir()} - left
    ):
        raise Conflict("model_id_taken", _("A model of this name is here already. Choose another name."))


def bring(
    own: OwnFile,
    *,
    model_id: str,
    title: str,
    licence: str,
    languages: tuple[str, ...],
    way: Way,
    report: Report,
) -> CatalogueModel:
    """Put the file into the model's folder; the entry to register. Raises Conflict, ModelUnavailable, InvalidInput.

    A link shares the disk space, and works within one file system; otherwise the file is copied.
    """
    check_is_new(model_id, own.path.name)
    if own.path.is_relative_to(models_folder() / model_id):
        raise Conflict("model_id_taken", _("A model of this name is here already. Choose another name."))
    model_file = ModelFile(name=own.path.name, size=own.file_bytes, sha256=_UNREAD)
    model = entry(own, model_file, model_id=model_id, title=title, licence=licence, languages=languages)
    work = models_folder() / ".downloads" / model_id
    try:
        work.mkdir(parents=True, exist_ok=True)
        draft = work / own.path.name
        draft.unlink(missing_ok=True)
        sha256 = _placed(own, draft, way, report)
        file = model_file.model_copy(update={"sha256": sha256})
        settle(model, draft, file)
    except OSError as error:
        raise unwritable(error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return model.model_copy(update={"files": (file,)})


def as_candidate(own: OwnFile) -> CatalogueModel:
    """The entry that a file would get, were it added: for a forecast. Its SHA-256 is not known yet."""
    file = ModelFile(name=own.path.name, size=own.file_bytes, sha256=_UNREAD)
    return entry(own, file, model_id=own.model_id, title=own.title, licence=own.licence, languages=())


def entry(
    own: OwnFile,
    file: ModelFile,
    *,
    model_id: str,
    title: str,
    licence: str,
    languages: tuple[str, ...],
    publisher: str = "",
    page: str = "",
    made_from: str = "",
    rank: int = 0,
) -> CatalogueModel:
    """The catalogue's form of a model of one's own."""
    return CatalogueModel(
        id=model_id,
        kind="chat",
        title=title,
        publisher=publisher,
        licence=licence,
        page=page,
        languages=languages,
        memory_bytes=own.memory_bytes,
        context_tokens=own.context_tokens,
        cache_bytes_per_token=own.cache_bytes_per_token,
        own=True,
        made_from=made_from,
        rank=rank,
        file=(file,),
    )


def settle(model: CatalogueModel, draft: Path, file: ModelFile) -> None:
    """Move a finished file to where its model lies, already known to be right. Raises OSError."""
    home = home_of(model)
    home.mkdir(parents=True, exist_ok=True)
    path = home / file.name
    draft.replace(path)
    VerifiedFiles(home).trust(path, file.sha256)


def check_room(wanted: int) -> None:
    """Raise ModelUnavailable unless so many bytes, and a little, fit into the folder of models."""
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < wanted + SPARE_BYTES:
        raise ModelUnavailable(
            "disk_full",
            _("This needs %(wanted).1f GB in %(folder)s, where %(free).1f GB are free. Make room first.")
            % {"wanted": wanted / 1e9, "free": free / 1e9, "folder": folder},
        )


def _placed(own: OwnFile, draft: Path, way: Way, report: Report) -> str:
    """Link or copy the file to `draft`; its SHA-256. A link is no symbolic one: the original may go."""
    if way == "link":
        try:
            os.link(own.path, draft)
        except OSError:  # another file system, or one without links
            way = "copy"
    digest, done = hashlib.sha256(), 0
    if way == "copy":
        check_room(own.file_bytes)
    with own.path.open("rb") as source, draft.open("xb") if way == "copy" else open(os.devnull, "wb") as out:
        while chunk := source.read(HASH_BYTES):
            digest.update(chunk)
            out.write(chunk)
            done += len(chunk)
            report(min(1.0, done / own.file_bytes))
    if draft.stat().st_size != own.file_bytes or done != own.file_bytes:
        raise InvalidInput("own_file_changed", _("The file changed while it was read. Try again."))
    return digest.hexdigest()


def _refuse_others(header: GGUFHeader) -> None:
    if any(word in header.architecture for word in _NO_CHAT):
        raise InvalidInput("model_wrong_kind", _("This model makes embeddings; it cannot answer."))
    split = header.metadata.get("split.count")
    if isinstance(split, int) and split > 1:
        raise DamagedModel("This is one of several parts. Join them with llama-gguf-split --merge first.")
