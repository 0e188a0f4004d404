"""The shown branch of a conversation as one HTML file that needs nothing else and runs nothing.

Answers pass the chat's sanitiser. The file's own policy forbids scripts, frames and every load, should anybody find a
way past it.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.template.loader import render_to_string
from django.utils.translation import get_language

from chatplatform.chat.markdown import render
from chatplatform.chat.models import Conversation
from chatplatform.common.clock import now
from chatplatform.sharing.reading import shown_path, title_or_none


def written(conversation: Conversation) -> Iterator[str]:
    """The document in parts."""
    head = {"title": title_or_none(conversation), "language": get_language() or "en", "taken_at": now()}
    yield _kept(render_to_string("sharing/file_head.html", head))
    for said in shown_path(conversation):
        html = "" if said.is_question else render(said.text)
        yield _kept(render_to_string("sharing/file_message.html", {"said": said, "html": html}))
    yield "</main>\n</body>\n</html>\n"


def _kept(text: str) -> str:
    return text.encode(errors="replace").decode()
