"""Translations: collecting the texts of code and templates, compiling, and checking that nothing is missing.

Needs Babel, a development dependency, so only the command and its test import this module. GNU gettext is not
needed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

LANGUAGES = ("zh_Hans",)
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
_PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
_HEADER = "# Translations of Chatplatform.\n# Kept by `manage.py translations`."


class Translations:
    """The translations of the project at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def po_path(self, language: str) -> Path:
        return self.root / "locale" / language / "LC_MESSAGES" / "django.po"

    def mo_path(self, language: str) -> Path:
        return self.po_path(language).with_suffix(".mo")

    def sources(self) -> Catalog:
        """Every text of code and templates, untranslated."""
        catalog = Catalog(charset="utf-8")
        for name, lineno, message, comments, context in self._found():
            catalog.add(message, None, [(name, lineno)], auto_comments=comments, context=context)
        return catalog

    def read(self, language: str) -> Catalog:
        path = self.po_path(language)
        if not path.exists():
            return Catalog(locale=language, charset="utf-8")
        with path.open("rb") as file:
            return read_po(file, locale=language, charset="utf-8")

    def update(self, language: str) -> Catalog:
        """Bring new texts into the language's file and drop those that are gone."""
        catalog = self.read(language)
        revised = catalog.revision_date
        catalog.update(self.sources(), no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        catalog.header_comment = _HEADER
        catalog.project, catalog.version, catalog.fuzzy = "Chatplatform", "0", False
        catalog.revision_date = revised
        catalog.last_translator = catalog.language_team = catalog.msgid_bugs_address = "Chatplatform"
        self._write(language, catalog)
        return catalog

    def _write(self, language: str, catalog: Catalog) -> None:
        path = self.po_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalog, width=110, sort_output=True, include_lineno=False, ignore_obsolete=True)

    def compile(self, language: str) -> None:
        self.mo_path(language).write_bytes(self._compiled(language))

    def _compiled(self, language: str) -> bytes:
        buffer = io.BytesIO()
        write_mo(buffer, self.read(language))
        return buffer.getvalue()

    def problems(self, language: str) -> list[str]:
        """What is wrong with the language's files, one line each; empty when they are complete."""
        found = []
        catalog, sources = self.read(language), self.sources()
        wanted = {_key(message) for message in sources if message.id}
        known = {_key(message): message for message in catalog if message.id}
        found += [f"missing: {text!r}" for text, _context in sorted(wanted - known.keys(), key=str)]
        found += [
            f"not in the sources any more: {text!r}"
            for text, _context in sorted(known.keys() - wanted, key=str)
        ]
        for key in sorted(wanted & known.keys(), key=str):
            found += _message_problems(known[key])
        mo = self.mo_path(language)
        if not mo.exists() or mo.read_bytes() != self._compiled(language):
            found.append(f"{mo.name} is older than {self.po_path(language).name}: run `translations compile`")
        return found

    def _found(self) -> Iterator[tuple[str, int, str | tuple[str, ...], list[str], str | None]]:
        for path in sorted((self.root / "chatplatform").rglob("*.py")):
            if "migrations" not in path.parts:
                yield from self._in(path, path.read_text())
        for path in self._templates():
            yield from self._in(path, _as_python(path))

    def _templates(self) -> list[Path]:
        roots = [self.root / "templates", *(self.root / "chatplatform").glob("*/templates")]
        return sorted(path for root in roots for path in root.rglob("*") if path.suffix in {".html", ".txt"})

    def _in(
        self, path: Path, source: str
    ) -> Iterator[tuple[str, int, str | tuple[str, ...], list[str], str | None]]:
        name = path.relative_to(self.root).as_posix()
        lines = io.BytesIO(source.encode())
        options = {"encoding": "utf-8"}
        for lineno, message, comments, context in extract(
            "python", lines, _KEYWORDS, ("Translators:",), options
        ):
            yield name, lineno, message, comments, context


def _as_python(template: Path) -> str:
    """The template's texts as calls of gettext, without indentation, which would not be Python's."""
    source = templatize(template.read_text(), origin=str(template))
    return "\n".join(line.lstrip() for line in source.split("\n"))


def _key(message: Message) -> tuple[str, str | None]:
    return (message.id if isinstance(message.id, str) else message.id[0]), message.context


def _message_problems(message: Message) -> list[str]:
    source = message.id if isinstance(message.id, str) else message.id[-1]
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    if message.fuzzy:
        return [f"not sure (fuzzy): {source!r}"]
    if not forms or not all(forms):
        return [f"not translated: {source!r}"]
    places = sorted(_PLACES.findall(source))
    return [
        f"other placeholders than {places}: {form!r}"
        for form in forms
        if sorted(_PLACES.findall(form)) != places
    ]
