"""Every character of a prompt has an origin, and features' parts stand where they said."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chatplatform.privacy.prompt import PromptMessage
from chatplatform.prompts.assembly import AssembledPrompt, Counted, assemble
from chatplatform.prompts.parts import Origin, Part

MESSAGE = UUID(int=7)
FOLDER = Part("folder", "Answer in verse.", ref="f:1", tokens=4)
MEMORY = Part("memory", "Her name is Ada.", ref="m:1", tokens=4)
FILE = Part("file", "The tent costs 249.", ref="d:1", message_id=MESSAGE, tokens=5)
OPENING = (Counted(PromptMessage("system", "You answer."), 10, ref="v1"),)


def said(*texts: str, parts: tuple[Part, ...] = ()) -> list[Counted]:
    """Turns of person and assistant; the parts belong to the last, the question."""
    messages = [
        Counted(PromptMessage("assistant" if i % 2 else "user", text), 10, ref=str(i))
        for i, text in enumerate(texts)
    ]
    return [*messages[:-1], Counted(messages[-1].message, 10, ref=messages[-1].ref, parts=parts)]


def pieces(prompt: AssembledPrompt) -> list[tuple[Origin, str]]:
    """Each part with its text, cut out of the messages; all of their text, or this fails."""
    left = [message.content for message in prompt.messages]
    found: list[tuple[Origin, str]] = []
    for part in prompt.parts:
        text, left[part.message] = left[part.message][: part.chars], left[part.message][part.chars :]
        assert len(text) == part.chars
        found.append((part.origin, text))
    assert not any(left)
    assert [part.message for part in prompt.parts] == sorted(part.message for part in prompt.parts)
    return found


def test_parts_stand_before_the_history_and_before_their_message() -> None:
    prompt = assemble(
        OPENING, said("Hi", "Hello", "How much?", parts=(FILE,)), budget_tokens=500, context=(FOLDER, MEMORY)
    )
    assert pieces(prompt) == [
        ("system", "You answer."),
        ("folder", "Answer in verse.\n\n"),
        ("memory", "Her name is Ada.\n\n"),
        ("history", "Hi"),
        ("history", "Hello"),
        ("file", "The tent costs 249.\n\n"),
        ("question", "How much?"),
    ]
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.tokens == sum(part.tokens for part in prompt.parts) == 53
    assert [part.ref for part in prompt.parts] == ["v1", "f:1", "m:1", "0", "1", "d:1", "2"]


def test_the_context_moves_with_the_cut_and_is_never_left_out() -> None:
    prompt = assemble(OPENING, said("1", "2", "3", "4", "5"), budget_tokens=50, context=(FOLDER,))
    assert prompt.left_out is not None
    assert pieces(prompt)[1] == ("folder", "Answer in verse.\n\n")
    assert prompt.messages[1].content.startswith("Answer in verse.\n\n")
    assert prompt.tokens <= 50


def test_a_question_of_files_alone_is_one() -> None:
    prompt = assemble(OPENING, said("", parts=(FILE,)), budget_tokens=500)
    assert pieces(prompt) == [("system", "You answer."), ("file", "The tent costs 249.")]
    assert prompt.tokens == sum(part.tokens for part in prompt.parts)


@given(
    st.lists(st.text(max_size=9), min_size=1, max_size=9).filter(lambda texts: len(texts) % 2 == 1),
    st.lists(st.sampled_from([FOLDER, MEMORY, FILE]), max_size=3),
    st.lists(st.sampled_from([FILE]), max_size=2),
    st.integers(60, 200),
)
def test_every_character_has_one_origin(
    texts: list[str], context: list[Part], parts: list[Part], budget: int
) -> None:
    prompt = assemble(OPENING, said(*texts, parts=tuple(parts)), budget_tokens=budget, context=context)
    pieces(prompt)
    assert prompt.tokens == sum(part.tokens for part in prompt.parts) <= budget
