"""Chinese questions with the encoder for English, translated by a model that is running: what is found, and how surely.

usage: python -m tests.benchmarks translation [--engine http://127.0.0.1:8101/v1] [--model quick] [--questions 100]

XQuAD's questions in Chinese, on its passages in English and on those in Chinese. Prints nDCG@10 of words alone, as
where nobody translates, and as the platform ranks with the translation, then the calibration for passages in English.
Not measured where no engine answers; the token is that of the settings.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import islice
from statistics import median

import django
import httpx

from tests.benchmarks.data import folder


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="translation", description=__doc__)
    parser.add_argument("--engine", default="http://127.0.0.1:8101/v1")
    parser.add_argument("--model", default="quick")
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args(arguments or [])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    django.setup()
    from chatplatform.knowledge.ranking import confidence, metrics
    from chatplatform.knowledge.ranking.fusion import weighted
    from chatplatform.knowledge.ranking.query_kind import reading_of
    from chatplatform.knowledge.ranking.weights import lexical_weight
    from tests.benchmarks.retrieval import CANDIDATES, LIGHT, LexicalIndex
    from tests.benchmarks.retrieval_sets import SETS
    from tests.benchmarks.retrieval_vectors import Encoder

    whole = SETS["xquad-zh-en"](folder()).questions
    chosen = dict(islice(whole.items(), 0, None, max(1, len(whole) // options.questions)))
    took, english = [], {}
    for id, question in chosen.items():
        began = time.monotonic()
        try:
            english[id] = _translated(options.engine, options.model, question)
        except httpx.TransportError:
            print(f"NOT MEASURED, no engine answers at {options.engine}")
            return
        took.append(time.monotonic() - began)
    lost = sum(not each for each in english.values())
    print(f"{len(chosen)} questions, {median(took):.1f} s each (median), {lost} not translated")
    encoder = Encoder(LIGHT)
    asked = encoder.vectors([english[id] or chosen[id] for id in chosen], "query")
    for name in ("xquad-zh-en", "xquad-zh"):
        judged = SETS[name](folder())
        passages, index = list(judged.passages), LexicalIndex(judged.passages)
        vectors = encoder.vectors(list(judged.passages.values()), "passage")
        alone, together, seen = [], [], []
        for row, (id, question) in enumerate(chosen.items()):
            cosines = (
                dict(zip(passages, map(float, vectors @ asked[row]), strict=True)) if english[id] else {}
            )
            words = index.search(question)
            alone.append(metrics.ndcg(list(words), judged.judged[id], 10))
            for passage, score in index.search(english[id]).items():
                if passage not in words or score.coverage > words[passage].coverage:
                    words[passage] = score
            weight = lexical_weight(reading_of(question), LIGHT, is_translated=bool(english[id]))
            for without in ((), judged.judged[id]):
                dense = {
                    one: cosines[one]
                    for one in sorted(cosines, key=lambda one: -cosines[one])
                    if one not in without
                }
                left = {one: score for one, score in words.items() if one not in without}
                order = weighted(dict(islice(dense.items(), CANDIDATES)), left, weight)
                if not without:
                    together.append(metrics.ndcg([one.passage for one in order], judged.judged[id], 10))
                best = order[0]
                coverage = best.words.coverage if best.words else 0.0
                evidence = confidence.Evidence(cosines.get(best.passage, 0.0), coverage)
                seen.append((evidence, best.passage in judged.judged[id]))
        print(
            f"{name}: words alone {sum(alone) / len(alone):.3f}, translated {sum(together) / len(together):.3f}"
        )
        if name == "xquad-zh-en":
            fitted = confidence.calibrated(seen)
            least = confidence.threshold_for([(fitted.confidence(one), right) for one, right in seen], 0.15)
            print(f"  {fitted}, threshold {least:.3f}")


def _translated(engine: str, model: str, question: str) -> str:
    from django.conf import settings

    from chatplatform.inference.protocol.chat_request import messages_json
    from chatplatform.knowledge.retrieval import translation

    prompt, sampling = translation.request_of(question), translation.SAMPLING
    body = {
        "model": model,
        "messages": messages_json(prompt.messages),
        "platform_messages": prompt.platform_messages,
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop),
    }
    headers = {"Authorization": f"Bearer {settings.ENGINE_TOKEN}"}
    answer = httpx.post(f"{engine}/chat/completions", json=body, headers=headers, timeout=60)
    answer.raise_for_status()
    said = answer.json()["choices"][0]
    return translation.tidied(said["message"]["content"], question) if said["finish_reason"] == "stop" else ""
