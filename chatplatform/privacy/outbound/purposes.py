"""What the doors' codes mean to people."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_LABELS: dict[str, Promise] = {
    "chat": _("An answer"),
    "title": _("The name of a conversation"),
    "summary": _("A summary of a conversation"),
    "files.question": _("A question that looks for passages"),
    "files.passages": _("Passages of a file"),
    "knowledge.search": _("A question that looks for passages"),
    "knowledge.translation": _("A question that is put into English"),
    "knowledge.index": _("Passages of a document"),
    "knowledge.propose": _("A passage for which a question is proposed"),
    "knowledge.web_pages": _("A web page for a collection"),
    "prompt_test": _("A test of a prompt"),
    "prompts.evaluation": _("An evaluation of a prompt"),
    "api.completion": _("A request by a program"),
    "api.embedding": _("A request by a program"),
    "replay": _("An answer that was looked at again"),
    "engine.health": _("A look whether an engine is there"),
    "models.pull": _("A model file that was fetched"),
    "single_sign_on": _("A sign-in"),
}


def purpose_label(purpose: str) -> str:
    """In the reader's language; a code that nobody named stays as it is."""
    if purpose.startswith("mail."):
        return str(_("A letter by e-mail"))
    return str(_LABELS.get(purpose, purpose))
