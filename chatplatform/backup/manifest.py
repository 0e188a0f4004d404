"""What an archive says of itself: the first file in it, and the only one that is believed before it is proved."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

FORMAT = "chatplatform-backup"
FORMAT_VERSION = 1

Kind = Literal["data", "keys"]
Vendor = Literal["sqlite", "postgresql"]


def _plain_path(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in name or str(path) != name:
        raise ValueError("a name leaves the archive's folder")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ArchivedFile(_Part):
    name: Annotated[str, AfterValidator(_plain_path)]
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ArchivedModel(_Part):
    """A model file that the installation used; the file itself is not in the archive."""

    id: str
    sha256: str


class AuditState(_Part):
    """The newest checkpoint in the archive: compare it with the witness outside."""

    size: int
    root: str
    key_id: str


class Manifest(_Part):
    """`covers_until`: all that was committed before this moment is in the archive."""

    format: Literal["chatplatform-backup"] = "chatplatform-backup"
    format_version: int
    id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    kind: Kind
    made_at: AwareDatetime
    covers_until: AwareDatetime
    version: str
    database: Vendor
    migrations: list[tuple[str, str]]
    master_key: str = ""
    vectors: Literal["none", "here", "elsewhere"] = "none"
    models: list[ArchivedModel] = []
    audit: AuditState | None = None
    clear: list[str] = []
    files: list[ArchivedFile] = []


class Subject(_Part):
    """A person whose content the archive holds, and how many conversations."""

    id: str
    conversations: int = 0


class KeyEntry(_Part):
    """One row of the key store: whose key, by which master key it is wrapped, and whether it was destroyed."""

    kind: str
    id: str
    master_key: str
    destroyed_at: datetime | None = None
