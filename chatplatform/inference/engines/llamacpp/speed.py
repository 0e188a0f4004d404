"""How fast a model reads and writes here and now, as moving averages from real use."""

from __future__ import annotations

_WEIGHT = 0.2
_LEAST_SHARE = 0.2


class SpeedMeter:
    """Fed by the scheduler thread with every step; read from any thread. Speeds in tokens a second."""

    def __init__(self) -> None:
        self.reading_tokens_s: float | None = None
        self.writing_tokens_s: float | None = None
        """What one answer gets while others are written beside it."""
        self.beside_tokens_s: float | None = None
        """What reading takes from those who write meanwhile, in tokens a second: less on a busy machine."""
        self.writing_step_s = 0.0
        """How long a step takes that only writes, in seconds; 0 before there was one."""
        self.answer_tokens = 200.0
        """Length of a usual answer, for estimates of waiting."""

    def step(self, *, read: int, writing: int, seconds: float) -> None:
        """Account for one step that read `read` tokens and wrote one token in `writing` answers."""
        if seconds <= 0:
            return
        if writing:
            # A step that reads too is what a writer really gets then, so it counts.
            self.writing_tokens_s = _moved(self.writing_tokens_s, 1 / seconds)
        if writing and not read:
            self.writing_step_s = _moved(self.writing_step_s or None, seconds)
        elif writing and self.writing_step_s:
            # noise must not make reading look free
            longer_s = max(seconds - self.writing_step_s, seconds * _LEAST_SHARE)
            self.beside_tokens_s = _moved(self.beside_tokens_s, read / longer_s)
        if read >= 8 and not writing:
            self.reading_tokens_s = _moved(self.reading_tokens_s, read / seconds)
        elif read >= 8 and self.reading_tokens_s is None:
            self.reading_tokens_s = read / seconds

    def finished(self, tokens: int) -> None:
        """Account for the length of a finished answer."""
        self.answer_tokens = _moved(self.answer_tokens, tokens)

    def wait_s(self, *, unread: int, rounds: float) -> float | None:
        """Estimate of the time until a start, in seconds: `unread` tokens to read before, and `rounds` usual
        answers to be finished first. None before anything was measured.
        """
        if self.reading_tokens_s is None or self.writing_tokens_s is None:
            return None
        return unread / self.reading_tokens_s + rounds * self.answer_tokens / self.writing_tokens_s


def _moved(old: float | None, new: float) -> float:
    return new if old is None else old + _WEIGHT * (new - old)
