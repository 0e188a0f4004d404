"""People who go on asking while processes are killed, and who notice every word that is lost."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from uuid import uuid4

from websockets.exceptions import InvalidHandshake, WebSocketException

from chatplatform.testing.chat_client import ChatClient, Screen, ShownMessage

LOST = (ConnectionError, WebSocketException, InvalidHandshake, OSError, TimeoutError)


def letters(shown: str) -> str:
    """The letters of a text or of its HTML: what stays when markdown becomes HTML."""
    return re.sub(r"[\W\d_]", "", unescape(re.sub(r"<[^>]*>", " ", shown)))


def shown_letters(message: ShownMessage) -> str:
    if message.turn is None or not message.is_running:
        return letters(message.html or message.text)
    tail = message.turn["tail"]
    # a fence line that is still open names a language, which no reader sees later
    open_tail = (
        "" if tail["kind"] == "text" and ("`" in tail["text"] or "~" in tail["text"]) else tail["text"]
    )
    return letters("".join(message.turn["blocks"]) + open_tail)


@dataclass
class Asker:
    """One person with one browser. `answers` are the ended ones; `losses` describe every word that went away."""

    url: str
    cookie: str
    questions: list[str]
    answers: list[ShownMessage] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Ask every question in a conversation of its own and wait for its end, over lost connections."""
        for question in self.questions:
            await self._ask(question)

    async def _ask(self, question: str) -> None:
        client_id, conversation_id, seen = str(uuid4()), "", ""
        while True:
            try:
                async with ChatClient(self.url, cookie=self.cookie) as client:
                    if conversation_id:
                        await client.send("open", conversation_id=conversation_id)
                    else:
                        await client.send("send", client_id=client_id, text=question)
                        conversation_id = (await client.frame("accepted"))["conversation"]["id"]
                    while True:
                        seen = self._look(client.screen, seen)
                        if client.screen.messages and not client.screen.messages[-1].is_running:
                            self.answers.append(client.screen.messages[-1])
                            return
                        if client.screen.has_gap:
                            await client.send("open", conversation_id=conversation_id)
                        count = len(client.frames)
                        await client.until(lambda _, n=count: len(client.frames) != n, timeout_s=30)
            except LOST:
                with suppress(asyncio.TimeoutError):
                    await asyncio.sleep(0.1)

    def _look(self, screen: Screen, seen: str) -> str:
        if not screen.messages or screen.messages[-1].role != "assistant":
            return seen
        now = shown_letters(screen.messages[-1])
        if len(now) < len(seen) and screen.messages[-1].is_running and seen.startswith(now):
            return (
                seen  # a process that has just begun to follow the rows: it must catch up, checked at the end
            )
        if not now.startswith(seen):
            self.losses.append(f"…{seen[-60:]} became …{now[-60:]}")
        return now
