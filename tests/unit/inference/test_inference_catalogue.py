"""The catalogue: what models.toml may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chatplatform.common.errors import NotFound
from chatplatform.environment.variables import Environment
from chatplatform.inference.model_files import catalogue
from chatplatform.inference.model_files.catalogue import CatalogueModel, ModelFile, PackageSource

FILE = {"name": "m.gguf", "size": 1, "sha256": "0" * 64}
MODEL = {
    "id": "m",
    "kind": "chat",
    "title": "M",
    "publisher": "P",
    "licence": "MIT",
    "page": "https://example.org",
    "languages": ["en"],
    "memory_bytes": 1,
    "context_tokens": 1,
    "file": [FILE],
}


def test_the_models_of_the_settings_are_in_the_catalogue_in_their_roles() -> None:
    defaults = Environment.model_validate({})
    assert catalogue.by_role("chat").id == defaults.chat_model
    assert catalogue.by_role("quick").id == defaults.quick_model
    assert catalogue.by_role("embedding").id == defaults.embedding_model
    assert catalogue.by_role("tests").download_bytes < 100_000_000


def test_every_download_has_a_source_and_ids_are_unique() -> None:
    models = catalogue.shipped()
    assert len({model.id for model in models}) == len(models)
    assert all(file.hub or file.package for model in models for file in model.downloads)


def test_parts_are_numbered_as_the_patterns_say() -> None:
    source = PackageSource(name="m-part{part}", version="1", parts=10, member="*/part{part:02}.bin")
    parts = source.part_list()
    assert (parts[0].name, parts[0].member) == ("m-part1", "*/part01.bin")
    assert (parts[9].name, parts[9].member) == ("m-part10", "*/part10.bin")


@pytest.mark.parametrize("name", ["../m.gguf", "/etc/passwd", "a/../../b", ""])
def test_a_file_cannot_leave_its_models_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        ModelFile.model_validate({**FILE, "name": name})


@pytest.mark.parametrize(
    "change",
    [
        {"converter": "e5"},
        {"ingredient": [FILE]},
        {"kind": "embedding"},
        {"surprise": 1},
        {"file": [{**FILE, "sha256": "short"}]},
        {"file": [{**FILE, "hub": "http://example.org/m.gguf"}]},
        {"file": []},
        {"id": "../m"},
    ],
)
def test_a_wrong_entry_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CatalogueModel.model_validate({**MODEL, **change})


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound) as caught:
        catalogue.get("gpt-9")
    assert "qwen2.5-coder-1.5b" in str(caught.value.message)
