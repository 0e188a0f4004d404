"""The shown branch of a conversation as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from chatplatform.chat.models import Conversation
from chatplatform.common.clock import now
from chatplatform.sharing.reading import shown_path, title_or_none


def written(conversation: Conversation) -> Iterator[str]:
    """The document in parts. What was said stands as it was said: both sides may have written Markdown."""
    yield f"# {' '.join(title_or_none(conversation).split())}\n\n"
    yield f"*{_('Taken from Chatplatform on %(date)s') % {'date': _date(now())}}*\n"
    for said in shown_path(conversation):
        who = _("You") if said.is_question else _("Answer")
        model = f", {said.turn.model}" if said.turn is not None and said.turn.model else ""
        yield f"\n---\n\n## {who} ({_date(said.created_at)}{model})\n\n{_whole(said.text)}\n"
        if said.files:
            yield f"\n*{_('Attached, not in this file: %(names)s') % {'names': said.file_names}}*\n"


def _date(at: object) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")  # type: ignore[arg-type]


def _whole(text: str) -> str:
    """The text with its code fences closed, so that what follows is not taken for code."""
    text = text.encode(errors="replace").decode().strip("\n")
    fence = ""
    for line in text.splitlines():
        mark = line.strip()
        if not fence and mark.startswith(("```", "~~~")):
            fence = mark[: len(mark) - len(mark.lstrip(mark[0]))]
        elif fence and mark.startswith(fence) and not mark.strip(fence[0]):
            fence = ""
    return f"{text}\n{fence}" if fence else text
