"""Loads the embedding model: finds its folder, chooses its numbers, and checks it against vectors that are known."""

from __future__ import annotations

import base64
import importlib.metadata
import struct
import time
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from chatplatform.inference.engines.encoder.embedding_model import EmbeddingModel, Prefixes
from chatplatform.inference.engines.encoder.precision import Precision
from chatplatform.inference.engines.encoder.precision_choice import (
    LEAST_COSINE,
    Fingerprint,
    PrecisionChoice,
    Tried,
    least_cosine,
)
from chatplatform.inference.model_files import catalogue, model_store
from chatplatform.inference.model_files.speeds import machine_name

REFERENCE_VECTORS = Path(__file__).with_name("reference_vectors.json")
LIBRARIES = ("torch", "sentence-transformers", "transformers", "tokenizers")
ROUNDS = 3


class WrongVectors(Exception):
    """The model gives other vectors than it is known to: a damaged file, or a library that reads it differently."""


def find_folder(reference: str) -> Path | None:
    """The folder of a catalogue model, of a model at a path, or of one that a hub's client keeps under this name."""
    found = model_store.model_path(reference)
    if found is not None or catalogue.find(reference) or reference.count("/") != 1:
        return found
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(reference, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError):
        return None


def load_model(reference: str, folder: Path, sha256: str, choice: PrecisionChoice) -> EmbeddingModel:
    """The model, ready. Takes seconds, a few more where it is used for the first time.

    Raises WrongVectors, and what the libraries raise for a broken folder.
    """
    known = catalogue.find(reference)
    prefixes = Prefixes(known.query_prefix, known.passage_prefix) if known else None
    loaded: dict[Precision, EmbeddingModel] = {}

    def trial(precision: Precision) -> Tried | None:
        loaded.clear()  # one in memory at a time
        try:
            loaded[precision] = EmbeddingModel(folder, prefixes, precision)
            return _tried(loaded[precision])
        except (RuntimeError, NotImplementedError, AttributeError, ImportError):
            if precision == "float32":  # nothing to do with its numbers
                raise
            return None

    chosen = choice.precision(fingerprint(sha256), trial)
    model = loaded[chosen] if chosen in loaded else EmbeddingModel(folder, prefixes, chosen)
    if known:
        check_vectors(known.id, model)
    return model


def fingerprint(sha256: str) -> Fingerprint:
    """What a choice of numbers depends on here and now."""
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return Fingerprint(sha256, versions, machine_name())


def check_vectors(model_id: str, model: EmbeddingModel) -> None:
    """Raises WrongVectors. Of a model without known vectors there is nothing to say."""
    known = _reference().vectors.get(model_id)
    if known is None:
        return
    expected = [struct.unpack(f"<{model.dimensions}e", base64.b64decode(text)) for text in known]
    found = model.encode(_reference().texts)
    cosine = least_cosine([[float(value) for value in vector] for vector in expected], found)
    if cosine < LEAST_COSINE - 0.001:  # the known ones are rounded to 16 bits
        raise WrongVectors(f"cosine {cosine:.3f}")


def _tried(model: EmbeddingModel) -> Tried:
    texts = model.prepared(_reference().texts, "passage")
    # a usual piece of a document, by which the speed is measured
    words = " ".join(texts).split()
    long = " ".join(words[place % len(words)] for place in range(180))
    (tokens,) = model.token_counts([long])
    vectors = model.encode([*texts, long])
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()  # not the clock: others may be at work beside it
        model.encode([long])
        seconds.append(time.process_time() - began)
    return Tried(tokens / max(min(seconds), 1e-6), vectors)


class _Reference(BaseModel):
    """`vectors` are 16-bit floats in base64, by the id of the model, in the order of `texts`."""

    texts: list[str]
    vectors: dict[str, list[str]]


@cache
def _reference() -> _Reference:
    return _Reference.model_validate_json(REFERENCE_VECTORS.read_bytes())
