"""What is kept of an error, and what is not."""

from __future__ import annotations

import pytest
from django.utils.translation import gettext_lazy, override

from chatplatform.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMany, Unavailable
from chatplatform.jobs.failures import failure_of, source_text

CANARY = "words of a person"


def test_an_expected_error_keeps_its_code_and_message() -> None:
    failure = failure_of(Unavailable("engine_down", "The engine is starting.", retry_after_s=7))
    assert (failure.code, failure.message, failure.error_type) == (
        "engine_down",
        "The engine is starting.",
        "",
    )
    assert failure.retry_after_s == 7


@pytest.mark.parametrize("error", [InvalidInput, NotAllowed, NotFound])
def test_asking_again_does_not_help_when_the_request_is_wrong(error: type[InvalidInput]) -> None:
    assert failure_of(error("code", "message")).permanent


@pytest.mark.parametrize("error", [Conflict, TooMany, Unavailable])
def test_asking_again_may_help_when_the_moment_is_wrong(error: type[Conflict]) -> None:
    assert not failure_of(error("code", "message")).permanent


def test_of_an_unexpected_error_only_the_class_is_kept() -> None:
    failure = failure_of(ValueError(CANARY))
    assert failure.code == "unexpected"
    assert failure.error_type == "ValueError"
    assert CANARY not in repr(failure)


def test_texts_are_kept_in_the_source_language() -> None:
    with override("zh-hans"):
        assert source_text(gettext_lazy("Cancelled")) == "Cancelled"
