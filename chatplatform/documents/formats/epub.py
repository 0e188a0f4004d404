"""EPUB: the chapters in the order of the book."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from chatplatform.documents.blocks import Block
from chatplatform.documents.formats.bounded_xml import events
from chatplatform.documents.formats.failures import Unreadable
from chatplatform.documents.formats.markup import html_blocks
from chatplatform.documents.formats.package import Package
from chatplatform.documents.formats.plain import decoded


def read_epub(data: bytes) -> Iterator[Block]:
    package = Package(data)
    if _has_locked_chapters(package):
        raise Unreadable("encrypted")
    found = False
    for number, name in enumerate(_chapters(package), 1):
        for block in html_blocks(decoded(package.read(name)), page=number):
            found = True
            yield block
    if not found:
        raise Unreadable("empty")


def _has_locked_chapters(package: Package) -> bool:
    """Fonts may be scrambled; chapters may not."""
    if "META-INF/encryption.xml" not in package.names:
        return False
    told = package.read("META-INF/encryption.xml")
    return b"EncryptedData" in told and (b".xhtml" in told or b".html" in told)


def _chapters(package: Package) -> list[str]:
    book = ""
    for event in events(package.parts("META-INF/container.xml")):
        if event.kind == "start" and event.name == "rootfile":
            book = book or event.attributes.get("full-path", "")
    if book not in package.names:
        raise Unreadable("damaged")
    folder = posixpath.dirname(book)
    items: dict[str, str] = {}
    order: list[str] = []
    for event in events(package.parts(book)):
        if event.kind == "start" and event.name == "item":
            place = posixpath.normpath(posixpath.join(folder, unquote(event.attributes.get("href", ""))))
            items[event.attributes.get("id", "")] = place
        elif event.kind == "start" and event.name == "itemref":
            order.append(event.attributes.get("idref", ""))
    return [items[name] for name in order if items.get(name) in package.names]
