"""Background work of the chat: naming conversations, and forgetting what is no longer needed."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import Counter
from contextlib import aclosing, suppress
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.chat import services
from chatplatform.chat.announcements import forget_old_announcements
from chatplatform.chat.content import text_of
from chatplatform.chat.limits import TITLE_CHARS
from chatplatform.chat.models import Conversation, Message
from chatplatform.common.actors import Actor
from chatplatform.common.scope import all_workspaces
from chatplatform.inference import gateway
from chatplatform.inference.gateway import Sampling, TextDelta
from chatplatform.jobs.registry import RunningJob, chore, job_handler
from chatplatform.privacy.clearance import ClearedPrompt, clear
from chatplatform.privacy.outbound.recording import on_behalf_of
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.usage.services import QuotaExceeded

TITLE_PROMPT = (
    "You name conversations. Reply with a title of two to six words in the language of the question. "
    "No quotation marks, no full stop, nothing else."
)
# small models follow an order in the language that they are to write
TITLE_PROMPT_ZH = "你为对话起标题。只回复一个二到八个词的中文标题，不要引号，不要句号，不要其他内容。"
TITLE_SOURCE_CHARS = 600
TITLE_SAMPLING = Sampling(temperature=0.2, max_tokens=24, stop=("\n",))


@job_handler("chat.title", title=_("Name a conversation"), max_attempts=10, timeout_s=120)
def name_conversation(job: RunningJob) -> None:
    """Let the quick model name a conversation that nobody has named."""
    conversation_id = UUID(job.args["conversation_id"])
    conversation = Conversation.objects.filter(id=conversation_id).first()
    question = (
        Message.objects.filter(conversation_id=conversation_id, role=Message.Role.USER)
        .order_by("number")
        .first()
    )
    title = ""
    if conversation is not None and question is not None:
        owner = Subject.person(conversation.owner_id)
        asked = text_of(question, owner)[:TITLE_SOURCE_CHARS]
        job.progress(0.1, _("Asking the model"))
        cleared = clear(
            Prompt(
                (
                    PromptMessage("system", title_prompt(asked)),
                    PromptMessage("user", asked),
                )
            ),
            subject=owner,
            workspace_id=conversation.workspace_id,
            actor=Actor.person(conversation.owner_id),
            purpose="title",
            destination=gateway.destination("quick"),
        )
        # at a limit of the person the first words stay the title: nobody is bothered for that
        with suppress(QuotaExceeded), on_behalf_of(conversation.id):
            title = tidy_title(asyncio.run(_generate(cleared)))
            # in another script than the question's it is no title of this person's: the first words stay
            title = title if is_written_like(title, asked) else ""
    with job.finishing():
        current = Conversation.objects.select_for_update().filter(id=conversation_id).first()
        if current is not None and title and current.title_origin == Conversation.TitleOrigin.QUESTION:
            services.set_title(current, title, origin=Conversation.TitleOrigin.MODEL, actor=job.actor)


async def _generate(cleared: ClearedPrompt) -> str:
    stream = gateway.stream(cleared, model="quick", sampling=TITLE_SAMPLING, priority="background")
    async with aclosing(stream) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


def title_prompt(question: str) -> str:
    """The order to name a conversation that begins with `question`."""
    return TITLE_PROMPT_ZH if script_of(question) == "CJK" else TITLE_PROMPT


def is_written_like(title: str, question: str) -> bool:
    """Whether the title has letters of the question's script; true for a question without letters."""
    script = script_of(question)
    return not script or any(_script(letter) == script for letter in title)


def script_of(text: str) -> str:
    """The script that most of the words are of, such as `LATIN` or `CJK`; empty for a text without letters.

    A Chinese character says as much as half a word.
    """
    counts: Counter[str] = Counter()
    before = ""
    for letter in text:
        script = _script(letter)
        if script == "CJK":
            counts[script] += 1
        elif script and script != before:
            counts[script] += 2
        before = script
    return counts.most_common(1)[0][0] if counts else ""


def _script(letter: str) -> str:
    if not letter.isalpha():
        return ""
    name = unicodedata.name(letter, "").partition(" ")[0]
    return "JAPANESE" if name in {"HIRAGANA", "KATAKANA"} else name


_AROUND = " \t\"'“”‘’「」《》*#`"


def tidy_title(reply: str) -> str:
    """The model's reply as a title, or the empty string when it is none."""
    line = reply.strip().splitlines()[0] if reply.strip() else ""
    line = re.sub(r"^(title|标题)\s*[:：]\s*", "", line, flags=re.IGNORECASE)
    line = re.sub(r"\*\*|`", "", line)  # models like to write Markdown, and titles are shown as they are
    line = " ".join(line.lstrip(_AROUND).rstrip(_AROUND + ".。").split())
    return line if 2 <= len(line) <= TITLE_CHARS else ""


@chore("chat.announcements", every_s=120)
def forget_announcements() -> None:
    with all_workspaces("announcements of every workspace grow old alike"):
        forget_old_announcements()
