"""Zip files, as far as one may trust them: their sizes are counted while they are unpacked."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.kinds import Kind

MOST_ENTRIES = 20_000
MOST_BYTES = 256 * 2**20  # of all entries that are read
MOST_ENTRY_BYTES = 96 * 2**20
STEP = 256 * 1024


class Package:
    """A zip archive of which parts are read. Raises Unreadable for what is damaged, protected or a bomb."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, IndexError) as error:
            raise Unreadable("damaged") from error
        self._left = MOST_BYTES
        self.names = set(self._zip.namelist())
        if len(self.names) > MOST_ENTRIES:
            raise Unreadable("too_large_inside")

    def parts(self, name: str) -> Iterator[bytes]:
        """The entry's bytes, a piece at a time. Raises Unreadable, also for an entry that is not there."""
        try:
            info = self._zip.getinfo(name)
            if info.flag_bits & 1:
                raise Unreadable("encrypted")
            read = 0
            with self._zip.open(info) as entry:
                while piece := entry.read(STEP):
                    read += len(piece)
                    self._left -= len(piece)
                    if read > MOST_ENTRY_BYTES or self._left < 0:
                        raise Unreadable("too_large_inside")
                    yield piece
        except (
            KeyError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise Unreadable("damaged") from error

    def read(self, name: str) -> bytes:
        return b"".join(self.parts(name))

    def check_all(self) -> None:
        """For readers that unpack by themselves: refuse what claims to become too large."""
        total = 0
        for info in self._zip.infolist():
            if info.flag_bits & 1:
                raise Unreadable("encrypted")
            total += info.file_size
            if info.file_size > MOST_ENTRY_BYTES or total > MOST_BYTES:
                raise Unreadable("too_large_inside")


def kind_inside(data: bytes) -> Kind:
    """Which document the archive is."""
    package = Package(data)
    names = package.names
    if not names:
        raise Unreadable("empty")
    if "mimetype" in names:
        mimetype = package.read("mimetype")[:200].strip()
        if mimetype == b"application/epub+zip":
            return Kind.EPUB
        if mimetype.endswith(b"opendocument.spreadsheet"):
            return Kind.SHEET
        if b"opendocument" in mimetype and "content.xml" in names:
            return Kind.OPEN_TEXT
    if "word/document.xml" in names or any(name.startswith("word/document") for name in names):
        return Kind.WORD
    if "ppt/presentation.xml" in names:
        return Kind.SLIDES
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return Kind.SHEET
    if "META-INF/container.xml" in names:
        return Kind.EPUB
    raise Unreadable("archive")
