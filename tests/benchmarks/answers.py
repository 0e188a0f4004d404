"""Answers and refusals from documents: SQuAD 2 as one collection, asked as people ask an assistant that answers from
passages only.

usage: python -m tests.benchmarks answers [--searches N] [--questions N] [--model ID_OR_PATH] [--show]

A platform of its own, with the real encoder, a real Chroma server and a real language model, gets each article as a
document. `--searches` questions that have an answer are searched for (all of them unless told): found is a passage that
holds the answer and is of the right paragraph, among the first five. Then `--questions` questions, half of which
nothing in the articles answers, are asked as chats over the API. Where the platform itself refuses, as no passage is
sure enough, the model is asked all the same, with what was found, so that answers with and without the threshold stand
beside each other. An answer is right when it holds one of the judged answers without case, marks and articles.
Which questions are asked is told by a hash of their ids; `--show` prints them with what was said. Ends with 1 where a
figure is below its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import django
import httpx

from chatplatform.testing.fixtures import TOKEN
from chatplatform.testing.site_process import SiteProcesses, free_port
from tests.benchmarks.data import VARIABLE, folder
from tests.benchmarks.engine import model_path
from tests.knowledge_site import KnowledgeSite

MODEL: Final = "qwen2.5-coder-1.5b"
GOAL_WRONGLY_REFUSED: Final = 0.15
FIRST: Final = 5
AT_ONCE: Final = 2
GIVEN: Final = 4
ANSWER_S: Final = 600
INGESTION_S: Final = 1_800

Outcome = Literal["right", "wrong", "rightly refused", "wrongly refused"]

SETUP = """
import json, sys
import django
django.setup()
from chatplatform.accounts.api_tokens import make_token, scopes_for
from chatplatform.accounts.models import Role, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.common.actors import Actor
from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.collections import create_collection, set_assistant
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.models import AssistantKnowledge
from chatplatform.prompts.models import Assistant
owner = bootstrap_owner()
workspace = Workspace.objects.get(memberships__user=owner)
actor = Actor.person(owner.id)
with workspace_scope(workspace.id):
    collection = create_collection("SQuAD", actor=actor)
    assistant = Assistant.objects.filter(is_default=True).get()
    set_assistant(assistant.id, {collection}, AssistantKnowledge.Use.ONLY, actor=actor)
    token = make_token("bench", scopes_for(Role.OWNER), expires_at=None, actor=actor)
    for title, text in json.load(open(sys.argv[1])):
        add_text(collection, title, text, actor=actor)
print(json.dumps({"collection": str(collection), "assistant": str(assistant.id), "token": token.secret}))
"""

_REFUSES: Final = re.compile(
    r"\b(?:(?:do|does|did)(?: not|n[’']t) (?:know|say|mention|specify|state|provide|contain|give|include)"
    r"|(?:is|are|was|were)(?: not|n[’']t) (?:\w+ )?(?:mentioned|specified|stated|provided|given|said|known|available)"
    r"|no (?:information|mention|answer)|cannot (?:answer|determine)|can[’']t answer|unknown|not enough information)\b",
    re.IGNORECASE,
)
_ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b")
_MARKS: Final = re.compile(r"[^\w\s]|_")
_NUMBERS: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Question:
    """`answers` is empty where nothing in the articles answers it."""

    id: str
    text: str
    answers: frozenset[str]
    paragraph: str


@dataclass(frozen=True)
class Asked:
    """What one question got: with the threshold, and what the model says where there is none."""

    question: Question
    with_threshold: Outcome
    without: Outcome
    said: str


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks answers")
    parser.add_argument("--searches", type=int, default=None)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args(list(arguments))
    try:
        articles, questions = squad(folder() / "squad2-dev" / "dev-v2.0.json")
    except OSError as error:
        raise SystemExit(f"The data is not there: {error}. Set {VARIABLE}, see `make bench-data`.") from None
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    model = model_path(options.model)
    with tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as place:
        port = free_port()
        site = SiteProcesses(
            Path(place),
            engine_url=f"http://127.0.0.1:{port}/v1",
            engine_token=TOKEN,
            CHATPLATFORM_ENCODER_URL="",
            CHATPLATFORM_ENCODER_PORT=str(free_port()),
            CHATPLATFORM_CHROMA_PORT=str(free_port()),
            CHATPLATFORM_API_REQUESTS_A_MINUTE="100000",
            CHATPLATFORM_LLM_SELF_BENCHMARK="false",
        )
        try:
            site.migrate()
            passed = asyncio.run(_measured(site, port, model, articles, questions, options))
        finally:
            site.stop()
    if not passed:
        raise SystemExit(1)


async def _measured(
    site: SiteProcesses,
    port: int,
    model: Path,
    articles: Sequence[tuple[str, str]],
    questions: Sequence[Question],
    options: argparse.Namespace,
) -> bool:
    path = site.folder / "articles.json"
    path.write_text(json.dumps(articles))
    made = json.loads(site.script(SETUP, str(path)).splitlines()[-1])
    for name in ("chroma", "engine_encoder", "worker"):
        site.start(name)
    knowledge = KnowledgeSite(site, made["collection"])
    knowledge.chroma_beats()
    found = await asyncio.to_thread(knowledge.settled, within_s=INGESTION_S)
    print(f"{len(articles)} articles in {found['chunks']} passages", flush=True)
    site.start("engine_llm", "--port", str(port), "--models", str(model), "--quick", "")
    site.start_web()
    async with httpx.AsyncClient(
        base_url=site.url,
        headers={"Authorization": f"Bearer {made['token']}"},
        timeout=ANSWER_S,
        trust_env=False,
    ) as http:
        asking = Asking(http, made["collection"], made["assistant"], f"http://127.0.0.1:{port}/v1")
        answerable = [each for each in questions if each.answers]
        passed = await _searches(asking, answerable[: options.searches])
        half = options.questions // 2
        sample = answerable[:half] + [each for each in questions if not each.answers][:half]
        return await _asked(asking, sample, show=options.show) and passed if sample else passed


async def _searches(asking: Asking, questions: Sequence[Question]) -> bool:
    if not questions:
        return True
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> tuple[bool, bool]:
        async with gate:
            found = await asking.search(question, FIRST)
        return any(is_right(each["text"], question) for each in found["items"]), found["is_confident"]

    told = await asyncio.gather(*map(one, questions))
    right = sum(hit for hit, _sure in told) / len(told)
    refused = sum(not sure for _hit, sure in told) / len(told)
    print(f"{len(told)} questions with an answer: right passage among the first {FIRST} {right:.3f}")
    print(f"  refused by the threshold {refused:.3f} (goal: at most {GOAL_WRONGLY_REFUSED})", flush=True)
    return refused <= GOAL_WRONGLY_REFUSED


async def _asked(asking: Asking, sample: Sequence[Question], *, show: bool) -> bool:
    told = []
    for question in sample:  # one after the other: the model has the machine to itself
        told.append(await asking.ask(question))
        if show:
            wanted = " / ".join(sorted(question.answers)) or "no answer"
            print(f"  {told[-1].without}: {question.text} ({wanted})\n    {' '.join(told[-1].said.split())}")
    both = {
        "with the threshold": [each.with_threshold for each in told],
        "without": [each.without for each in told],
    }
    kinds: tuple[Outcome, ...] = ("right", "wrong", "rightly refused", "wrongly refused")
    print(f"{len(told)} questions, half without an answer | " + " | ".join(kinds))
    for name, outcomes in both.items():
        print(f"  {name}: " + " | ".join(str(outcomes.count(kind)) for kind in kinds))
    answerable = sum(bool(each.question.answers) for each in told)
    refused = both["with the threshold"].count("wrongly refused") - both["without"].count("wrongly refused")
    fewer = both["with the threshold"].count("wrong") <= both["without"].count("wrong")
    print(f"  wrongly refused by the threshold alone: {refused / answerable:.3f}", flush=True)
    return fewer and refused / answerable <= GOAL_WRONGLY_REFUSED


@dataclass(frozen=True)
class Asking:
    http: httpx.AsyncClient
    collection_id: str
    assistant_id: str
    model_url: str

    async def search(self, question: Question, most: int) -> Mapping[str, Any]:
        answer = await self.http.post(
            f"/api/knowledge/collections/{self.collection_id}/search",
            json={"question": question.text, "most": most},
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        if found["degraded"]:
            raise RuntimeError("the encoder or the vector store does not answer")
        return found

    async def ask(self, question: Question) -> Asked:
        answer = await self.http.post(
            "/api/conversations",
            json={"text": question.text, "assistant_id": self.assistant_id, "wait": True},
        )
        told = answer.raise_for_status().json()
        if told["turn"]["state"] != "finished":
            raise RuntimeError(f"the answer is {told['turn']['state']}: {told['turn']['error']}")
        if told["turn"]["model"]:
            outcome = outcome_of(told["text"], question)
            return Asked(question, outcome, outcome, told["text"])
        found = await self.search(question, GIVEN)
        said = await asyncio.to_thread(self._model_says, question, found["items"])
        return Asked(question, outcome_of("", question), outcome_of(said, question), said)

    def _model_says(self, question: Question, found: Sequence[Mapping[str, Any]]) -> str:
        """The model's answer to the passages, worded as the platform words them."""
        from chatplatform.chat.knowledge.wording import ONLY, PASSAGES

        mark = "4f1c9a7e"
        passages = "\n\n".join(
            f"[{place}] ({each['title']})\n{each['text']}" for place, each in enumerate(found, 1)
        )
        head = PASSAGES.format(mark=mark, first=1) + ONLY
        content = f"{head}\n===== {mark} =====\n{passages}\n===== {mark} =====\n\n{question.text}"
        answer = httpx.post(
            f"{self.model_url}/chat/completions",
            json={"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 300},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=ANSWER_S,
            trust_env=False,
        )
        return str(answer.raise_for_status().json()["choices"][0]["message"]["content"])


def squad(path: Path) -> tuple[list[tuple[str, str]], list[Question]]:
    """Articles as title and text; questions in the order of a hash of their ids."""
    articles, questions = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        paragraphs = [each["context"] for each in article["paragraphs"]]
        articles.append((article["title"].replace("_", " "), "\n\n".join(paragraphs)))
        for paragraph in article["paragraphs"]:
            questions += [
                Question(
                    one["id"],
                    one["question"].strip(),
                    frozenset(each["text"] for each in one["answers"] if not one["is_impossible"]),
                    paragraph["context"],
                )
                for one in paragraph["qas"]
            ]
    return articles, sorted(questions, key=lambda each: hashlib.sha256(each.id.encode()).digest())


def is_right(passage: str, question: Question) -> bool:
    """Whether it holds an answer, and is of the paragraph that was judged."""
    from chatplatform.knowledge.quality.matching import says

    return any(answer in passage for answer in question.answers) and says(passage, question.paragraph)


def outcome_of(said: str, question: Question) -> Outcome:
    """Of what was said, nothing for a refusal of the platform."""
    plain = f" {normalised(said)} "
    if any(f" {normalised(answer)} " in plain for answer in question.answers):
        return "right"
    if not said.strip() or _REFUSES.search(said):
        return "wrongly refused" if question.answers else "rightly refused"
    return "wrong"


def normalised(text: str) -> str:
    """As SQuAD's own measure compares: without case, marks, articles and more than one blank."""
    text = _MARKS.sub(" ", _NUMBERS.sub(" ", text).casefold())
    return " ".join(_ARTICLES.sub(" ", text).split())
