"""How fast documents come into an index, beside what the encoder alone makes of the very same texts, in one run.

usage: python -m tests.benchmarks ingestion [--documents N] [--rounds N]

A platform of its own, with the real encoder and a real Chroma server, is given abstracts of SciFact as documents. In
each round they are read (one job each, in a confined process), then indexed by one job as a worker runs it: cut,
embedded, written to Chroma, rows and terms. After it the encoder alone reads the same texts, in requests of 64 sorted
by length. Rounds alternate the two, so that other work on the machine meets both. Ends with 1 where data or encoder
are missing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from chatplatform.testing.fixtures import TOKEN
from tests.benchmarks.data import VARIABLE, folder
from tests.benchmarks.retrieval_sets import scifact

REQUEST = 64
LOAD_S = 180

RUN = """
import json, sys, time
import django
django.setup()
from chatplatform.common.scope import all_workspaces
from chatplatform.jobs.heartbeat import Heartbeat
from chatplatform.jobs.models import Job, JobState
from chatplatform.jobs.runner import Runner
from chatplatform.knowledge.chunk_text import chunk_text
from chatplatform.knowledge.models import Chunk, Index, IndexEntry

def run(kind):
    heartbeat = Heartbeat(on_stuck=lambda: None)
    heartbeat.start()
    began = time.perf_counter()
    with all_workspaces("bench"):
        jobs = list(Job.objects.filter(kind=kind, state=JobState.WAITING).values_list("id", flat=True))
    for job_id in jobs:
        Runner(heartbeat).run(job_id)
    took = time.perf_counter() - began
    heartbeat.stop()
    return took

with all_workspaces("bench"):
    known = set(Chunk.objects.values_list("id", flat=True))
reading = run("knowledge.read")
with all_workspaces("bench"):
    before = Index.objects.values_list("measured_tokens", "measured_s").first()
indexing = run("knowledge.index")
with all_workspaces("bench"):
    after = Index.objects.values_list("measured_tokens", "measured_s").first()
    waiting = IndexEntry.objects.exclude(state="done").count()
    texts = [chunk_text(row).embedded for row in Chunk.objects.exclude(id__in=known)]
print(json.dumps({
    "reading": reading, "indexing": indexing, "waiting": waiting, "texts": texts,
    "tokens": after[0] - before[0], "encoder_s": after[1] - before[1],
}))
"""


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks ingestion")
    parser.add_argument("--documents", type=int, default=100, help="in each round")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args(list(arguments))
    try:
        passages = scifact(folder()).passages
    except OSError as error:
        print(
            f"SciFact is missing ({error.filename}). {VARIABLE} names the folder of the public data; ", end=""
        )
        print("`make bench-data` fetches it. Nothing was measured.")
        raise SystemExit(1) from error
    wanted = options.documents * options.rounds
    abstracts = [(f"Abstract {name}", text) for name, text in list(passages.items())[:wanted]]

    # only now: settings come from the environment
    from tests.knowledge_site import knowledge_site

    with (
        tempfile.TemporaryDirectory(prefix="chatplatform-bench-") as place,
        knowledge_site(Path(place)) as knowledge,
    ):
        site = knowledge.site
        site.start("chroma")
        site.start("engine_encoder")
        knowledge.chroma_beats()
        encoder = f"http://127.0.0.1:{site.environment['CHATPLATFORM_ENCODER_PORT']}/v1"
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=300, trust_env=False) as http:
            _await_encoder(http, encoder)
            rounds = []
            for number in range(options.rounds):
                at = number * options.documents
                knowledge.add(abstracts[at : at + options.documents])
                found = json.loads(site.script(RUN))
                if found["waiting"]:
                    print(f"{found['waiting']} documents were not indexed: {knowledge.look()}")
                    raise SystemExit(1)
                found["alone"] = _alone(http, encoder, found["texts"])
                rounds.append(found)
                _say(f"round {number + 1}", options.documents, [found])
            _say("all", wanted, rounds)
            shares = [one["alone"] / one["indexing"] for one in rounds]
            print(
                f"  share of the encoder's own throughput: median of rounds {statistics.median(shares):.0%}"
            )


def _await_encoder(http: httpx.Client, encoder: str) -> None:
    until = time.monotonic() + LOAD_S
    while time.monotonic() < until:
        try:
            if http.get(f"{encoder}/models").status_code == httpx.codes.OK:
                _alone(http, encoder, ["The first request of all takes longer."] * REQUEST)
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    print("The encoder did not get ready. Is its model here? manage.py models pull. Nothing was measured.")
    raise SystemExit(1)


def _alone(http: httpx.Client, encoder: str, texts: Sequence[str]) -> float:
    """Seconds that the encoder takes for these texts at its best."""
    by_length = sorted(texts, key=len)
    began = time.perf_counter()
    for at in range(0, len(by_length), REQUEST):
        body = {"model": "embedding", "input": by_length[at : at + REQUEST], "input_type": "passage"}
        http.post(f"{encoder}/embeddings", json=body).raise_for_status()
    return time.perf_counter() - began


def _say(name: str, documents: int, rounds: Sequence[dict[str, Any]]) -> None:
    chunks = sum(len(one["texts"]) for one in rounds)
    total = {
        part: sum(one[part] for one in rounds)
        for part in ("reading", "indexing", "alone", "tokens", "encoder_s")
    }
    print(
        f"  {name}: {documents} documents, {chunks} chunks, {total['tokens'] / chunks:.0f} tokens each\n"
        f"    indexed {chunks / total['indexing']:.2f} chunks/s, encoder alone {chunks / total['alone']:.2f} chunks/s: "
        f"{total['alone'] / total['indexing']:.0%}; "
        f"waited for the encoder {total['encoder_s'] / total['indexing']:.0%} of the time\n"
        f"    read {documents / total['reading']:.1f} documents/s, one after the other",
        flush=True,
    )
