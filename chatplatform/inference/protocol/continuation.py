"""Going on with an answer that broke off, at a server that may begin it again instead.

Nothing that people were shown may be doubled, and nothing lost. So the server's text is compared with what was shown:
what it repeats from the beginning is left out, and what follows it is the rest. Where it says something else half-way,
the two are different answers and cannot be joined; then nothing is shown of the second.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chatplatform.inference.errors import EngineRefused

# So much of the shown beginning, repeated word for word, is a new start and no accident.
REPEATED_CHARS = 16


class AnswerNotContinued(EngineRefused):
    """The server cannot go on in the middle of this answer."""

    def __init__(self) -> None:
        super().__init__(
            "answer_not_continued",
            _(
                "The model lost the thread, and its server cannot go on in the middle of an answer. Ask again."
            ),
        )


class Continuation:
    """Feed it what the server says; it gives what is new. `must_restart` says that the server knows nothing of
    what was shown, so that its text counts as a repetition from its first letter on."""

    def __init__(self, shown: str, *, must_restart: bool) -> None:
        self._shown = shown
        self._must_restart = must_restart
        self._held = ""
        # a server that is known to continue is believed where too little was shown to tell
        self._is_decided = not shown or (not must_restart and len(shown) < REPEATED_CHARS)

    def feed(self, text: str) -> str:
        """What of `text` continues the answer. Raises AnswerNotContinued."""
        if self._is_decided:
            return text
        self._held += text
        if len(self._held) < len(self._shown) and self._shown.startswith(self._held):
            return ""  # it may be a repetition, or begin alike by accident
        self._is_decided = True
        if self._held.startswith(self._shown):
            return self._held[len(self._shown) :]
        if self._must_restart or _common(self._held, self._shown) >= REPEATED_CHARS:
            raise AnswerNotContinued
        return self._held

    def end(self) -> str:
        """What is left at the end of the server's answer. Raises AnswerNotContinued for one that only repeated a
        part of what was shown."""
        if self._is_decided:
            return ""
        self._is_decided = True
        if self._must_restart or len(self._held) >= REPEATED_CHARS:
            raise AnswerNotContinued
        return self._held


def _common(one: str, other: str) -> int:
    """How many letters the two begin with alike."""
    return next(
        (place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right),
        min(len(one), len(other)),
    )
