"""The archive: a compressed tar with the manifest first. Written whole or not at all, read with distrust."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from pydantic import ValidationError

from chatplatform.backup.errors import BackupFailed, BackupRefused
from chatplatform.backup.manifest import FORMAT, FORMAT_VERSION, ArchivedFile, Manifest

MANIFEST: Final = "manifest.json"
MANIFEST_BYTES: Final = 64 * 1024 * 1024
CHUNK: Final = 1024 * 1024
COMPRESSION: Final = 1  # what is large in it is encrypted, and does not shrink
_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(folder: Path) -> list[ArchivedFile]:
    """Every file below `folder`, with size and hash, by name."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        ArchivedFile(
            name=path.relative_to(folder).as_posix(), size=path.stat().st_size, sha256=file_sha256(path)
        )
        for path in found
    ]


def write_archive(place: Path, manifest: Manifest, folder: Path) -> None:
    """Write manifest and the files that it names to `place`, which must not exist. Raises BackupFailed."""
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with (
                gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=COMPRESSION, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
            ):
                text = manifest.model_dump_json(indent=1).encode()
                archive.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
                for entry in manifest.files:
                    with (folder / entry.name).open("rb") as file:
                        archive.addfile(_member(entry.name, entry.size), file)
            raw.flush()
            os.fsync(raw.fileno())
        os.link(draft, place)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BackupFailed("backup_unwritable", f"{place} could not be written: {reason}.") from error
    finally:
        draft.unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def read_manifest(place: Path) -> Manifest:
    """What the archive says of itself. Raises BackupRefused."""
    try:
        with place.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|gz") as archive:
            return _manifest(place, archive)
    except OSError as error:
        raise _unreadable(place, error) from error
    except _BROKEN as error:
        raise _foreign(place) from error


def extract(place: Path, into: Path) -> Manifest:
    """Unpack everything into the folder `into`, proving size and hash of each file on the way.

    Raises BackupRefused for an archive that is damaged, cut short, not ours, of a newer version, or that holds
    anything its manifest does not name; `into` is then to be thrown away.
    """
    try:
        with place.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|gz") as archive:
            manifest = _manifest(place, archive)
            for entry in manifest.files:
                member = archive.next()
                if member is None or not member.isfile() or member.name != entry.name:
                    raise _damaged(place)
                content = archive.extractfile(member)
                if content is None or _copy(content, into / entry.name, entry.size) != entry.sha256:
                    raise _damaged(place)
            if archive.next() is not None:
                raise _damaged(place)
            return manifest
    except OSError as error:
        raise _unreadable(place, error) from error
    except _BROKEN as error:
        raise _damaged(place) from error


def _manifest(place: Path, archive: tarfile.TarFile) -> Manifest:
    member = archive.next()
    content = archive.extractfile(member) if member is not None and member.isfile() else None
    if member is None or content is None or member.name != MANIFEST or member.size > MANIFEST_BYTES:
        raise _foreign(place)
    text = content.read(MANIFEST_BYTES)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _foreign(place) from error
    if manifest.format != FORMAT or manifest.format_version > FORMAT_VERSION:
        raise BackupRefused(
            "backup_newer",
            f"{place} was made by a newer version ({manifest.version}). Install that version, then restore.",
        )
    names = [entry.name for entry in manifest.files]
    if len(set(names)) != len(names) or MANIFEST in names:
        raise _damaged(place)
    return manifest


def _copy(content: IO[bytes], target: Path, size: int) -> str:
    """The hash of what was written; empty when there is more or less than `size`."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, left = hashlib.sha256(), size
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := content.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                return ""
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest() if left == 0 else ""


def _foreign(place: Path) -> BackupRefused:
    return BackupRefused(
        "backup_foreign", f"{place} is no backup of this platform, or its beginning is damaged."
    )


def _damaged(place: Path) -> BackupRefused:
    return BackupRefused(
        "backup_damaged", f"{place} is damaged or cut short. Take another copy; nothing was changed."
    )


def _unreadable(place: Path, error: OSError) -> BackupRefused:
    if isinstance(error, gzip.BadGzipFile):
        return _foreign(place)
    return BackupRefused(
        "backup_unreadable",
        f"{place} cannot be read, or its content not be unpacked: {error.strerror or error}.",
    )


def total_bytes(files: Sequence[ArchivedFile]) -> int:
    return sum(entry.size for entry in files)
