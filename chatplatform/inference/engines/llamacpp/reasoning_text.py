"""Thinking apart from the answer: what a model writes between <think> and </think> before it answers."""

from __future__ import annotations

OPENING, CLOSING = "<think>", "</think>"


def held_back(text: str, mark: str) -> int:
    """Length of the longest end of `text` that `mark` begins with: nobody knows yet whether it is the mark."""
    longest = min(len(mark) - 1, len(text))
    return next((size for size in range(longest, 0, -1) if mark.startswith(text[-size:])), 0)


class ReasoningText:
    """Splits an answer, whatever its pieces. With `begun` the prompt itself ended with the opening mark, or, with
    `goes_on`, in the middle of thinking."""

    def __init__(self, *, begun: bool = False, goes_on: bool = False) -> None:
        self._held = ""
        self._thinking = begun
        self._deciding = not begun
        self._at_beginning = not goes_on

    @property
    def is_thinking(self) -> bool:
        return self._thinking

    def feed(self, text: str) -> tuple[str, str]:
        """What of the text is thinking, and what is answer, as far as it is certain."""
        self._held += text
        if self._deciding:
            begun = self._held.lstrip()
            if begun.startswith(OPENING):
                self._deciding, self._thinking = False, True
                self._held = begun.removeprefix(OPENING)
            elif OPENING.startswith(begun):
                return "", ""
            else:
                self._deciding = self._at_beginning = False
        if not self._thinking:
            return "", self._answer()
        at = self._held.find(CLOSING)
        if at < 0:
            at = len(self._held) - held_back(self._held, CLOSING)
            thought, self._held = self._held[:at], self._held[at:]
            return self._trimmed(thought), ""
        thought, self._held = self._trimmed(self._held[:at]), self._held[at + len(CLOSING) :]
        self._thinking, self._at_beginning = False, True
        return thought, self._answer()

    def finish(self) -> tuple[str, str]:
        """What was held back."""
        held, self._held = self._held, ""
        return (held, "") if self._thinking else ("", held)

    def _answer(self) -> str:
        held, self._held = self._held, ""
        return self._trimmed(held)

    def _trimmed(self, text: str) -> str:
        """Without the empty lines between a mark and the first word."""
        if self._at_beginning:
            text = text.lstrip()
            self._at_beginning = not text
        return text
