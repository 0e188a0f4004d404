"""The models that the platform knows: what models.toml says, parsed and frozen, and those of one's own."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from pydantic import Field

from chatplatform.common.errors import NotFound
from chatplatform.inference.model_files.catalogue_entries import (
    CatalogueModel,
    Entry,
    ModelFile,
    PackagePart,
    PackageSource,
)
from chatplatform.inference.model_files.own_models import own_models

__all__ = [
    "CatalogueModel",
    "ModelFile",
    "PackagePart",
    "PackageSource",
    "by_role",
    "catalogue",
    "find",
    "get",
    "hub_hosts",
    "shipped",
]


class _Catalogue(Entry):
    hub_hosts: tuple[str, ...]
    models: tuple[CatalogueModel, ...] = Field(alias="model")


@cache
def _parsed() -> _Catalogue:
    text = (
        resources.files("chatplatform.inference.model_files")
        .joinpath("models.toml")
        .read_text(encoding="utf-8")
    )
    return _Catalogue.model_validate(tomllib.loads(text))


def shipped() -> tuple[CatalogueModel, ...]:
    """Every model of models.toml, in its order."""
    return _parsed().models


def catalogue() -> tuple[CatalogueModel, ...]:
    """Those that are shipped; then those of one's own, read from the folder of models."""
    taken = {model.id for model in shipped()}
    return (*shipped(), *(model for model in own_models() if model.id not in taken))


def hub_hosts() -> tuple[str, ...]:
    """The hosts that a download from a publisher's hub may reach."""
    return _parsed().hub_hosts


def find(model_id: str) -> CatalogueModel | None:
    """The model with this id, or None."""
    return next((model for model in catalogue() if model.id == model_id), None)


def get(model_id: str) -> CatalogueModel:
    """The model with this id; raises NotFound with the ids that exist."""
    model = find(model_id)
    if model is None:
        known = ", ".join(entry.id for entry in catalogue())
        raise NotFound("unknown_model", f"No model is called {model_id!r}. Known: {known}.")
    return model


def by_role(role: str) -> CatalogueModel:
    """The catalogue's own choice for a role such as "chat"; raises NotFound when none has it."""
    for model in catalogue():
        if role in model.roles:
            return model
    raise NotFound("unknown_model", f"No model has the role {role!r}.")
