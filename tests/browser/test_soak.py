"""Nothing is lost, doubled or stuck, whatever happens while answers are written.

    make soak                                          a thousand events
    CHATPLATFORM_TEST_SOAK_EVENTS=200 CHATPLATFORM_TEST_SOAK_SEED=7 pytest -s tests/browser/test_soak.py

The seed foretells the events; when each happens depends on the machine, so a finding may need some runs to come again.
"""

from __future__ import annotations

import os
import time

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.soak import Soak
from tests.browser.soak_judging import (
    Row,
    Shown,
    expected_answer,
    growing_finding,
    shown_findings,
    stored_findings,
)

EVENTS = int(os.environ.get("CHATPLATFORM_TEST_SOAK_EVENTS", "30"))
SEED = int(os.environ.get("CHATPLATFORM_TEST_SOAK_SEED", "1"))


@pytest.mark.timeout(120 + 15 * EVENTS)
def test_shown_is_what_is_stored_whatever_happens(site: Site, browser: Browser) -> None:
    soak = Soak(site, browser, SEED, people_count=2 if EVENTS < 100 else 3)
    began = time.monotonic()
    soak.run(EVENTS)
    done = ", ".join(f"{name} {count}" for name, count in sorted(soak.figures.items()))
    print(
        f"\nsoak: {EVENTS} events, seed {SEED}, {time.monotonic() - began:.0f} s, {len(soak.sent)} questions; {done}"
    )
    print(f"soak: {len(soak.findings)} findings (lost, doubled, different or stuck)")
    assert not soak.findings, "\n".join([*soak.findings, "", "the last events:", *soak.log[-40:]])


QUESTION = "Question 1 [[tokens=4 word=q1w]]"
ASKED = Row("a", "c", None, 0, True, "user", QUESTION)


def answer(text: str, state: str = "finished") -> Row:
    return Row("b", "c", "a", 1, True, "assistant", text, state)


def test_the_judge_is_content_with_what_is_right() -> None:
    whole = expected_answer(QUESTION)
    assert whole == "q1w0 q1w1 q1w2 q1w3"
    rows = [ASKED, answer(whole)]
    assert stored_findings(rows, [QUESTION]) == []
    assert stored_findings([ASKED, answer("q1w0 q1w", "stopped")], [QUESTION]) == []
    assert stored_findings([], ["unsent"], waiting=["unsent"]) == []
    assert (
        shown_findings(rows, "c", [Shown("a", "user", QUESTION), Shown("b", "assistant", f"{whole}\n")]) == []
    )
    assert growing_finding(QUESTION, "q1w0 q1") == ""


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([], "lost"),
        ([ASKED, Row("d", "c", None, 2, True, "user", QUESTION)], "doubled"),
        ([ASKED, answer("", "running")], "stuck"),
        ([ASKED, answer("q1w0 q1w1 q1w1 q1w2 q1w3")], "different"),
        ([ASKED, answer("q1w0 q1w2", "stopped")], "different"),
    ],
)
def test_sabotage_the_judge_notices_what_is_wrong(rows: list[Row], finding: str) -> None:
    assert [each.partition(":")[0].split()[0] for each in stored_findings(rows, [QUESTION])] == [finding]


def test_sabotage_the_judge_notices_what_a_page_shows_otherwise() -> None:
    rows = [ASKED, answer(expected_answer(QUESTION))]
    right = Shown("a", "user", QUESTION)
    assert shown_findings(rows, "c", [right, Shown("b", "assistant", "q1w0 q1w1 q1w2\n")])
    assert shown_findings(rows, "c", [right])
    assert shown_findings(rows, "c", [Shown("b", "assistant", "q1w0 q1w1 q1w2 q1w3\n"), right])
    assert shown_findings(rows, "c", [])
    assert growing_finding(QUESTION, "q1w0 q1w0")
