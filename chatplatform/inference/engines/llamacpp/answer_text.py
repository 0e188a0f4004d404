"""What one answer says, taken apart as it comes: thinking, text, calls of tools, and the tokens behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chatplatform.inference.engines.llamacpp.generation import FinishReason, Text
from chatplatform.inference.engines.llamacpp.reasoning_text import ReasoningText
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob
from chatplatform.inference.engines.llamacpp.tool_text import Call, ToolOutput


@dataclass(frozen=True, repr=False)
class Part:
    """A piece of an answer. Parts added up are the whole answer."""

    content: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.content or self.reasoning or self.calls or self.logprobs)

    def __add__(self, other: Part) -> Part:
        return Part(
            self.content + other.content,
            self.reasoning + other.reasoning,
            self.calls + other.calls,
            self.logprobs + other.logprobs,
        )


class AnswerText:
    """Collects one answer. Without `reasoning` and `tools` its text is told as it is."""

    def __init__(self, *, reasoning: ReasoningText | None = None, tools: ToolOutput | None = None) -> None:
        self._reasoning = reasoning
        self._tools = tools
        self._untold: tuple[TokenLogprob, ...] = ()
        self._called = False
        self._uncounted = 0
        self.reasoning_tokens = 0

    def feed(self, text: Text) -> Part:
        """What is certain now, perhaps nothing. Probabilities come with the next thing that can be shown."""
        thought, said = "", text.text
        if self._reasoning is not None:
            thinking = self._reasoning.is_thinking
            thought, said = self._reasoning.feed(said)
            self._uncounted += text.tokens
            if thinking or self._reasoning.is_thinking:
                self.reasoning_tokens += self._uncounted
            if thought or said or thinking or self._reasoning.is_thinking:
                self._uncounted = 0
        if self._tools is not None:
            said = self._tools.feed(said)
        self._untold += text.logprobs
        part = Part(said, thought)
        return part if part.is_empty else self._with_logprobs(part)

    def finish(self) -> Part:
        """What is left."""
        thought, said = self._reasoning.finish() if self._reasoning is not None else ("", "")
        calls: tuple[Call, ...] = ()
        if self._tools is not None:
            said = self._tools.feed(said)
            rest, found = self._tools.finish()
            said, calls = said + rest, tuple(found)
        self._called = bool(calls)
        return self._with_logprobs(Part(said, thought, calls))

    def reason(self, reason: FinishReason) -> FinishReason:
        """Why the answer ended, once it is finished."""
        return "tool_calls" if self._called and reason == "stop" else reason

    def _with_logprobs(self, part: Part) -> Part:
        logprobs, self._untold = self._untold, ()
        return replace(part, logprobs=logprobs)
