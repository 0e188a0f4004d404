"""Background work of the chat: naming conversations, and forgetting what is no longer needed."""

from __future__ import annotations

import asyncio
import re
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
from chatplatform.privacy.prompt import Prompt, PromptMessage
from chatplatform.privacy.subjects import Subject
from chatplatform.usage.services import QuotaExceeded

TITLE_PROMPT = (
    "You name conversations. Reply with a title of two to six words in the language of the question. "
    "No quotation marks, no full stop, nothing else."
)
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
        job.progress(0.1, _("Asking the model"))
        cleared = clear(
            Prompt(
                (
                    PromptMessage("system", TITLE_PROMPT),
                    PromptMessage("user", text_of(question, owner)[:TITLE_SOURCE_CHARS]),
                )
            ),
            subject=owner,
            workspace_id=conversation.workspace_id,
            actor=Actor.person(conversation.owner_id),
            purpose="title",
            destination=gateway.destination("quick"),
        )
        # at a limit of the person the first words stay the title: nobody is bothered for that
        with suppress(QuotaExceeded):
            title = tidy_title(asyncio.run(_generate(cleared)))
    with job.finishing():
        current = Conversation.objects.select_for_update().filter(id=conversation_id).first()
        if current is not None and title and current.title_origin == Conversation.TitleOrigin.QUESTION:
            services.set_title(current, title, origin=Conversation.TitleOrigin.MODEL, actor=job.actor)


async def _generate(cleared: ClearedPrompt) -> str:
    stream = gateway.stream(cleared, model="quick", sampling=TITLE_SAMPLING, priority="background")
    async with aclosing(stream) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


def tidy_title(reply: str) -> str:
    """The model's reply as a title, or the empty string when it is none."""
    line = reply.strip().splitlines()[0] if reply.strip() else ""
    line = re.sub(r"^(title|标题)\s*[:：]\s*", "", line, flags=re.IGNORECASE)
    line = " ".join(line.strip(" \t\"'“”‘’「」《》*#`").split()).rstrip(".。")
    return line if 2 <= len(line) <= TITLE_CHARS else ""


@chore("chat.announcements", every_s=120)
def forget_announcements() -> None:
    with all_workspaces("announcements of every workspace grow old alike"):
        forget_old_announcements()
