"""How long requests wait, how large batches are, and what steps take: observed by the schedulers of all models."""

from __future__ import annotations

from chatplatform.common.metrics import SECONDS, Counter, Histogram

QUEUE_WAIT = Histogram(
    "chatplatform_llm_queue_wait_seconds",
    "Time from a request to the beginning of its reading.",
    bounds=(*SECONDS, 60.0, 120.0, 300.0),
    priority=("interactive", "background"),
)
FIRST_TOKEN = Histogram(
    "chatplatform_llm_first_token_seconds",
    "Time from a request to the first token of its answer.",
    bounds=(*SECONDS, 60.0, 120.0, 300.0),
    priority=("interactive", "background"),
)
BATCH = Histogram(
    "chatplatform_llm_batch_tokens",
    "Tokens of one step, read and written.",
    bounds=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
)
STEP = Histogram(
    "chatplatform_llm_step_seconds",
    "Time of one step, by what it did.",
    stage=("reading", "writing", "both"),
)
PROMPTS = Counter(
    "chatplatform_llm_prompts_total",
    "Prompts by how much of them was in the cache.",
    cache=("nothing", "less_than_half", "half_or_more"),
)
STEP_FIGURES = (QUEUE_WAIT, FIRST_TOKEN, BATCH, STEP, PROMPTS)


def opened(*, priority: str, waited_s: float, prompt_tokens: int, cached_tokens: int) -> None:
    """A request's reading begins."""
    QUEUE_WAIT.observe(waited_s, priority=priority)
    if not cached_tokens:
        found = "nothing"
    else:
        found = "half_or_more" if 2 * cached_tokens >= prompt_tokens else "less_than_half"
    PROMPTS.add(cache=found)


def answered(*, priority: str, after_s: float) -> None:
    """A request's first token is chosen."""
    FIRST_TOKEN.observe(after_s, priority=priority)


def stepped(*, read: int, writing: int, seconds: float) -> None:
    """A step read `read` tokens and wrote one in each of `writing` answers."""
    BATCH.observe(read + writing)
    stage = "both" if read and writing else "reading" if read else "writing"
    STEP.observe(seconds, stage=stage)
