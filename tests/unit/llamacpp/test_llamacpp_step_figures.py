"""What the engine's histograms say after requests."""

from __future__ import annotations

from chatplatform.common.metrics import exposition
from chatplatform.inference.engines.llamacpp.metrics import Metrics
from chatplatform.inference.engines.llamacpp.step_figures import STEP_FIGURES, answered, opened, stepped
from chatplatform.inference.protocol.prometheus_text import sums


def test_waits_steps_and_cache_hits_are_counted() -> None:
    before = sums(exposition(STEP_FIGURES))
    opened(priority="interactive", waited_s=0.2, prompt_tokens=100, cached_tokens=0)
    opened(priority="background", waited_s=1.3, prompt_tokens=100, cached_tokens=60)
    answered(priority="interactive", after_s=0.7)
    stepped(read=128, writing=0, seconds=0.5)
    stepped(read=8, writing=4, seconds=0.1)
    after = sums(exposition(STEP_FIGURES))

    def added(name: str) -> float:
        return round(after[f"chatplatform_llm_{name}"] - before.get(f"chatplatform_llm_{name}", 0), 6)

    assert added("queue_wait_seconds_count") == 2
    assert added("queue_wait_seconds_sum") == 1.5
    assert added("first_token_seconds_sum") == 0.7
    assert added("batch_tokens_sum") == 140
    assert added("step_seconds_count") == 2
    assert added("prompts_total") == 2


def test_they_stand_beside_the_engines_other_figures_with_fixed_labels() -> None:
    opened(priority="canary", waited_s=0, prompt_tokens=2, cached_tokens=1)
    text = Metrics().text([])
    assert 'chatplatform_llm_queue_wait_seconds_bucket{priority="other",le="0.001"}' in text
    assert 'chatplatform_llm_prompts_total{cache="half_or_more"}' in text
    assert "chatplatform_llm_requests_total" in text
    assert "canary" not in text
