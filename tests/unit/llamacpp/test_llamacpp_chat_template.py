"""Templates are programs from strangers: they render, or they are ended, and the engine goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.inference.engines.llamacpp.chat_template import CHATML, ChatTemplate, TemplateFailed

MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "你好 😀"}]


@pytest.fixture
def templates() -> Iterator[list[ChatTemplate]]:
    made: list[ChatTemplate] = []
    yield made
    for template in made:
        template.close()


def make(templates: list[ChatTemplate], source: str, timeout_s: float = 1.0) -> ChatTemplate:
    templates.append(ChatTemplate(source, bos="<s>", eos="</s>", timeout_s=timeout_s))
    return templates[-1]


def test_chatml(templates: list[ChatTemplate]) -> None:
    text = make(templates, CHATML).render(MESSAGES, add_generation_prompt=True)
    assert text == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n你好 😀<|im_end|>\n<|im_start|>assistant\n"
    )


def test_what_templates_commonly_use(templates: list[ChatTemplate]) -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}\n"
        "  {% if loop.first %}{% continue %}{% endif %}\n"
        "{{ m.role | upper }}:{{ m | tojson }}{{ eos_token }}{% endfor %}{{ strftime_now('%Y') | length }}"
    )
    text = make(templates, source).render(MESSAGES, add_generation_prompt=True)
    assert text == '<s>USER:{"role": "user", "content": "你好 😀"}</s>4'


def test_a_template_may_refuse_messages(templates: list[ChatTemplate]) -> None:
    template = make(templates, "{{ raise_exception('no system message please') }}")
    with pytest.raises(TemplateFailed, match="no system message please") as caught:
        template.render(MESSAGES, add_generation_prompt=True)
    assert caught.value.refused


@pytest.mark.parametrize(
    "source",
    [
        "{% for",
        "{{ nothing.at.all }}",
        "{{ 1 // 0 }}",
        "{{ messages[7] | upper + 3 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{% include '/etc/passwd' %}",
        "{{ cycler.__init__.__globals__ }}",
    ],
)
def test_broken_and_prying_templates_fail(source: str, templates: list[ChatTemplate]) -> None:
    with pytest.raises(TemplateFailed) as caught:
        make(templates, source).render(MESSAGES, add_generation_prompt=True)
    assert "你好" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * (2 ** 40) }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% set x = namespace(v='ab') %}{% for i in range(60) %}{% set x.v = x.v ~ x.v %}{% endfor %}{{ x.v }}",
        "{{ 'a' * 200000000 }}",
    ],
)
def test_greedy_templates_are_ended(source: str, templates: list[ChatTemplate]) -> None:
    """Left alone, each would take minutes or all memory."""
    template = make(templates, source)
    with pytest.raises(TemplateFailed):
        template.render(MESSAGES, add_generation_prompt=True)


def test_a_template_is_used_again_after_it_was_ended(templates: list[ChatTemplate]) -> None:
    loop = "{% if messages|length > 1 %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    template = make(templates, loop + "{% endif %}fine", timeout_s=0.3)
    with pytest.raises(TemplateFailed):
        template.render(MESSAGES, add_generation_prompt=True)
    assert template.render(MESSAGES[:1], add_generation_prompt=True) == "fine"


def test_the_worker_sees_no_secrets_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHATPLATFORM_ENGINE_TOKEN", "canary")
    template = ChatTemplate("x")
    template.render(MESSAGES, add_generation_prompt=True)
    process = template._process
    assert process is not None
    environment = Path(f"/proc/{process.pid}/environ")
    if environment.exists():
        assert b"canary" not in environment.read_bytes()
    template.close()
    assert process.poll() is not None
