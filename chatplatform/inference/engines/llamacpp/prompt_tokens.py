"""From messages to tokens: the model's own chat template, and no way to type a control token."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chatplatform.inference.engines.llamacpp.chat_template import (
    CHATML,
    CHATML_END,
    ChatTemplate,
    TemplateFailed,
)
from chatplatform.inference.engines.llamacpp.reasoning_text import CLOSING as THOUGHT
from chatplatform.inference.engines.llamacpp.reasoning_text import OPENING as THINKING
from chatplatform.inference.engines.llamacpp.saved_conversations import common_length
from chatplatform.inference.engines.llamacpp.template_messages import (
    ChatMessage,
    after_system,
    as_template_takes,
    as_text,
    knows_tools,
    marked,
)
from chatplatform.inference.engines.llamacpp.tool_text import WHEN

__all__ = ["ChatMessage", "PromptReader", "PromptTokens", "Tokeniser"]

_PLATFORM_CACHE = 64
# Stand-ins for texts that people typed and that look like control tokens. Noncharacters: never in real text.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_MARKED = re.compile(f"{_OPEN}([0-9]{{1,9}}){_CLOSE}")
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")


class Tokeniser(Protocol):
    """What of a model is needed here; see model.LlamaModel."""

    control_texts: tuple[str, ...]

    @property
    def bos_text(self) -> str: ...
    @property
    def eos_text(self) -> str: ...
    @property
    def adds_bos(self) -> bool: ...
    @property
    def bos(self) -> int: ...
    def tokenise(self, text: str, *, control: bool, continues: bool = False) -> list[int]: ...


@dataclass(frozen=True, repr=False)
class PromptTokens:
    """A prompt; its first `system_tokens` tokens hold nothing but the platform's own messages and the template.

    `thinks` says that the answer begins in the middle of thinking, because the template has opened it or earlier
    thinking is gone on with; in the second case `goes_on`, and the next letter may be any.
    """

    tokens: tuple[int, ...]
    system_tokens: int
    thinks: bool = False
    goes_on: bool = False


class PromptReader:
    """Renders and tokenises for one model. Safe from any thread; rendering blocks."""

    def __init__(self, tokeniser: Tokeniser, template: str | None) -> None:
        """Take the file's `template` if it works, or else ChatML. Raises nothing for a bad template."""
        self._tokeniser = tokeniser
        self._control = (
            re.compile("|".join(re.escape(text) for text in tokeniser.control_texts))
            if tokeniser.control_texts
            else None
        )
        self._platform: OrderedDict[tuple[ChatMessage, ...], tuple[int, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self.template_error = ""
        """Why the file's own template is not used; empty when it is."""
        self.takes_system = True
        self.takes_tools = False
        self._template = self._choose(template)

    @property
    def extra_stop(self) -> tuple[str, ...]:
        """Stop strings that the fallback needs: the model may not know ChatML's end as a token."""
        return (CHATML_END,) if self.template_error else ()

    def _choose(self, source: str | None) -> ChatTemplate:
        if source is None:
            self.template_error = "the file has no chat template"
        else:
            template = self._make(source)
            try:
                self._try(template)
            except TemplateFailed as error:
                template.close()
                self.template_error = str(error)
            else:
                self.takes_tools = knows_tools(template)
                return template
        return self._make(CHATML)

    def _make(self, source: str) -> ChatTemplate:
        return ChatTemplate(source, bos=self._tokeniser.bos_text, eos=self._tokeniser.eos_text)

    def _try(self, template: ChatTemplate) -> None:
        user = {"role": "user", "content": "b"}
        try:
            template.render([{"role": "system", "content": "a"}, user], add_generation_prompt=True)
        except TemplateFailed as error:
            if not error.refused:
                raise
            template.render([user], add_generation_prompt=True)
            self.takes_system = False

    def read(
        self,
        messages: Sequence[ChatMessage],
        *,
        continue_final: bool = False,
        tools: Sequence[dict[str, Any]] = (),
        must: str | None = None,
        platform_messages: int | None = None,
    ) -> PromptTokens:
        """Tokens of a conversation that the assistant is to go on with.

        `platform_messages` says how many of the first messages are the platform's own; when nothing is said, the
        system message is. `tools` are the caller's own: with them, at most the system message before them is the
        platform's. `must` names the one to be used; "" means any one.

        With `continue_final` the last message is the assistant's beginning, which is not closed: the prompt is
        then the same as if the model had just written it, its thinking included. One that has only thinking broke off
        in the middle of that. Raises TemplateFailed.
        """
        shown = messages[:-1] if continue_final else messages
        marks: list[str] = []
        text = self._render(shown, marks, add_generation_prompt=True, tools=tools, must=must)
        thinks = text.rstrip().endswith(THINKING)
        if thinks and must is not None:  # it is to call at once
            text, thinks = f"{text}\n{THOUGHT}\n\n", False
        tokens = self._tokenise(text, marks)
        goes_on = False
        if continue_final:
            last = messages[-1]
            tokens += self._begun(
                last, opened="" if not thinks else "\n" if text.endswith("\n") else THINKING
            )
            goes_on = bool(last.thinking) and not last.content
            thinks = not last.content and (thinks or goes_on)
        if platform_messages is None:
            platform_messages = int(messages[0].role == "system")
        own = tuple(messages[: min(platform_messages, len(shown))])
        if tools:
            own = own[:1] if own and own[0].role == "system" else ()
        return PromptTokens(tuple(tokens), self._platform_tokens(own, tokens), thinks, goes_on)

    def _begun(self, message: ChatMessage, *, opened: str) -> list[int]:
        """Tokens of an answer that has begun. `opened` is what the template ends with, where it opens thinking: the
        mark, or the end of the line after it."""
        tokens: list[int] = []
        if message.thinking:
            mark = {"": f"{THINKING}\n", THINKING: "\n"}.get(opened, "")
            tokens += self._tokeniser.tokenise(mark, control=True, continues=True) if mark else []
            tokens += self._tokeniser.tokenise(message.thinking, control=False, continues=True)
        if (message.thinking or opened) and message.content:
            line = "" if (message.thinking or opened).endswith("\n") else "\n"
            tokens += self._tokeniser.tokenise(f"{line}{THOUGHT}\n\n", control=True, continues=True)
        if message.content:
            tokens += self._tokeniser.tokenise(message.content, control=False, continues=True)
        return tokens

    def read_text(self, text: str) -> tuple[int, ...]:
        """Tokens of a text that the model is to go on with, as it is. Nothing in it is a control token."""
        begin = [self._tokeniser.bos] if self._tokeniser.adds_bos else []
        return (*begin, *self._tokeniser.tokenise(text, control=False))

    def count_text(self, text: str) -> int:
        """How many tokens `text` has by itself."""
        return len(self._tokeniser.tokenise(text, control=False))

    def close(self) -> None:
        self._template.close()

    def _platform_tokens(self, messages: tuple[ChatMessage, ...], tokens: Sequence[int]) -> int:
        """How many of `tokens` are certainly those of the platform's first messages and the template alone.

        They are rendered and tokenised by themselves: tokens that both begin with can't hold a letter of anything
        that comes after them.
        """
        if not messages or (messages[0].role == "system" and not self.takes_system):
            return 0
        with self._lock:
            alone = self._platform.get(messages)
        if alone is None:
            marks: list[str] = []
            try:
                text = self._render(messages, marks, add_generation_prompt=False)
            except TemplateFailed:
                text = ""
            alone = tuple(self._tokenise(text, marks))
            with self._lock:
                self._platform[messages] = alone
                while len(self._platform) > _PLATFORM_CACHE:
                    self._platform.popitem(last=False)
        return common_length(alone, tokens)

    def _render(
        self,
        messages: Sequence[ChatMessage],
        marks: list[str],
        *,
        add_generation_prompt: bool,
        tools: Sequence[dict[str, Any]] = (),
        must: str | None = None,
    ) -> str:
        def mark(text: str) -> str:
            return self._mark(text, marks)

        if self.takes_tools:
            if tools and must is None:
                messages = after_system(messages, WHEN)
            return self._template.render(
                [as_template_takes(message, mark) for message in messages],
                add_generation_prompt=add_generation_prompt,
                tools=marked(list(tools), mark),
            )
        shown = as_text(messages, tools, must)
        if not self.takes_system and len(shown) > 1 and shown[0].role == "system":
            # The template knows no system message: it goes before the first question.
            shown[:2] = [ChatMessage(shown[1].role, f"{shown[0].content}\n\n{shown[1].content}")]
        plain = [{"role": m.role, "content": mark(m.content)} for m in shown]
        return self._template.render(plain, add_generation_prompt=add_generation_prompt)

    def _mark(self, content: str, marks: list[str]) -> str:
        content = _NONCHARACTERS.sub("\ufffd", content)
        if self._control is None:
            return content

        def stand_in(found: re.Match[str]) -> str:
            marks.append(found.group())
            return f"{_OPEN}{len(marks) - 1}{_CLOSE}"

        return self._control.sub(stand_in, content)

    def _tokenise(self, text: str, marks: Sequence[str]) -> list[int]:
        """Tokens of a rendered prompt: control tokens from the template's text, never from a marked one."""
        tokens: list[int] = []
        if self._tokeniser.adds_bos and not (
            self._tokeniser.bos_text and text.startswith(self._tokeniser.bos_text)
        ):
            tokens.append(self._tokeniser.bos)
        # Splitting by a pattern with one group gives text and mark number in turn.
        for turn, part in enumerate(_MARKED.split(text)):
            if turn % 2 == 0:
                tokens += self._tokeniser.tokenise(part, control=True, continues=turn > 0)
            elif int(part) < len(marks):  # a template may have made up a mark of its own
                tokens += self._tokeniser.tokenise(marks[int(part)], control=False, continues=True)
        return tokens
