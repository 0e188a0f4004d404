"""What the console's pages of knowledge say: kinds, languages and states in words, and the texts of their scripts."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chatplatform.web.browser_strings import STRINGS

KINDS: dict[str, str | Promise] = {
    "pdf": "PDF",
    "word": "Word",
    "slides": "PowerPoint",
    "sheet": "Excel",
    "open_text": "OpenDocument",
    "epub": "EPUB",
    "html": gettext_lazy("Web page"),
    "markdown": "Markdown",
    "text": gettext_lazy("Text"),
    "code": gettext_lazy("Code"),
    "csv": "CSV",
    "json": "JSON",
    "mail": gettext_lazy("E-mail"),
    "notebook": gettext_lazy("Notebook"),
    "package": gettext_lazy("Archive"),
    "old_office": gettext_lazy("Old Office file"),
}
LANGUAGES: dict[str, Promise] = {"en": gettext_lazy("English"), "zh": gettext_lazy("Chinese")}
# while a document is in work nobody has to do anything
WAITED_FOR: dict[str, Promise] = {
    "encoder_unavailable": gettext_lazy(
        "The embedding model does not answer just now. It goes on by itself."
    ),
    "vectors_unavailable": gettext_lazy("The vector store does not answer just now. It goes on by itself."),
}
SITE_STATE_KINDS = {"running": "accent", "failed": "danger", "stopped": "warning"}
PAGE_STATE_KINDS = {"failed": "danger", "gone": "warning"}
STATE_KINDS = {"reading": "accent", "indexing": "accent", "failed": "danger"}

KNOWLEDGE_STRINGS: dict[str, Promise | dict[str, Promise]] = {
    "knowledge_files": {"one": gettext_lazy("{n} file"), "other": gettext_lazy("{n} files")},
    "knowledge_time_unknown": gettext_lazy(
        "How long it takes will be known when the first documents are ready. Chats go first meanwhile."
    ),
    "knowledge_time_short": gettext_lazy("Ready in about a minute. Chats go first meanwhile."),
    "knowledge_time_minutes": {
        "one": gettext_lazy("Ready in about {n} minute. Chats go first meanwhile."),
        "other": gettext_lazy("Ready in about {n} minutes. Chats go first meanwhile."),
    },
    "knowledge_time_hours": {
        "one": gettext_lazy("Ready in about {n} hour. Chats go first meanwhile."),
        "other": gettext_lazy("Ready in about {n} hours. Chats go first meanwhile."),
    },
    "knowledge_too_large": gettext_lazy("The file is larger than {n} MB. Add it in parts."),
    "knowledge_sending": gettext_lazy("Sent {n} of {of}"),
    "knowledge_sent": {
        "one": gettext_lazy("{n} document added"),
        "other": gettext_lazy("{n} documents added"),
    },
    "knowledge_known": {
        "one": gettext_lazy("{n} was here already"),
        "other": gettext_lazy("{n} were here already"),
    },
    "knowledge_refused": {
        "one": gettext_lazy("{n} refused"),
        "other": gettext_lazy("{n} refused"),
    },
    "knowledge_selected": {
        "one": gettext_lazy("{n} document selected"),
        "other": gettext_lazy("{n} documents selected"),
    },
    "knowledge_nothing_dropped": gettext_lazy("There was no file in what you dropped."),
    "knowledge_replacing": gettext_lazy("Sending {name}"),
    "knowledge_not_sent": gettext_lazy("The file did not arrive. Check the connection and try again."),
}
PAGE_STRINGS = {**STRINGS, **KNOWLEDGE_STRINGS}


def kind_words(source: str, kind: str) -> str:
    """What a document is, as people call it."""
    if source == "text":
        return _("Pasted text")
    if source == "answers":
        return _("Questions and answers")
    return str(KINDS.get(kind, kind))


def time_words(seconds: float) -> str:
    """How long something takes, roughly."""
    if seconds < 90:
        return _("about a minute")
    if seconds < 5400:
        minutes = round(seconds / 60)
        return ngettext("about %(n)d minute", "about %(n)d minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    return ngettext("about %(n)d hour", "about %(n)d hours", hours) % {"n": hours}
