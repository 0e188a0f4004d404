"""`manage.py knowledge quality`: figures of a collection, measuring it, and golden questions that a model proposes."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from chatplatform.common.actors import Actor
from chatplatform.knowledge.quality import proposal_queries, proposals, queries
from chatplatform.knowledge.quality.services import begin_run_as


def add_quality_arguments(parser: ArgumentParser) -> None:
    """One of these at most; without any, the command tells the latest figures, and what went wrong."""
    wishes = parser.add_mutually_exclusive_group()
    wishes.add_argument("--run", action="store_true", help="have it measured now, by a worker")
    wishes.add_argument(
        "--propose",
        type=int,
        nargs="?",
        const=proposals.USUAL_PASSAGES,
        metavar="N",
        help=f"have a model propose golden questions, by a worker: for N passages (default "
        f"{proposals.USUAL_PASSAGES}, {proposals.MOST_PASSAGES} at most)",
    )
    wishes.add_argument(
        "--proposals", action="store_true", help="the proposed questions that wait for a look"
    )
    wishes.add_argument("--accept", type=UUID, metavar="ID", help="make a proposed question a golden one")
    wishes.add_argument("--reject", type=UUID, metavar="ID", help="do away with a proposed question")
    parser.add_argument("--question", metavar="WORDS", help="with --accept: put it in these words instead")


def quality_act(
    person_id: UUID, collection_id: UUID, options: dict[str, Any], *, actor: Actor
) -> Iterator[str]:
    """Do what was wished, and give lines that say how it stands. Raises what the services do."""
    if options["run"]:
        begun = begin_run_as(person_id, collection_id, index_id=None, actor=actor)
        yield f"being measured: {begun}"
    elif options["propose"] is not None:
        proposals.begin_proposals_as(person_id, collection_id, options["propose"], actor=actor)
        yield "Begun. A worker has the model propose questions; see them with --proposals."
    elif options["proposals"]:
        yield from _proposals(person_id, collection_id)
    elif options["accept"] is not None:
        _require(person_id, collection_id, options["accept"])
        made = proposals.accept_proposal(options["accept"], options["question"], actor=actor)
        yield f"a golden question now: {made}"
    elif options["reject"] is not None:
        _require(person_id, collection_id, options["reject"])
        proposals.reject_proposal(options["reject"], actor=actor)
        yield "rejected"
    else:
        yield from _figures(person_id, collection_id)


def _figures(person_id: UUID, collection_id: UUID) -> Iterator[str]:
    runs = queries.runs_of(person_id, collection_id)
    done = next((each for each in runs if each.figures), None)
    if done is None or done.figures is None:
        raise CommandError("It was never measured. Measure it: manage.py knowledge quality … --run")
    for name, value in asdict(done.figures).items():
        shown = "-" if value is None else f"{value:.3f}" if isinstance(value, float) else value
        yield f"{name}: {shown}"
    for result in queries.results_of(person_id, done.id):
        if result.is_miss or result.change == "worse":
            yield f"{result.verdict}, {result.change}: {result.golden.question}"


def _proposals(person_id: UUID, collection_id: UUID) -> Iterator[str]:
    run = proposal_queries.proposal_run_of(person_id, collection_id)
    if run is None:
        raise CommandError("Nothing was proposed yet. Begin: manage.py knowledge quality … --propose")
    far = f", {round(100 * run.progress)} %" if run.state == "in_work" else ""
    yield f"{run.state}{far}: {run.proposed} proposed, {run.left_out} left out"
    if run.problem:
        yield run.problem
    for view in proposal_queries.proposals_of(person_id, collection_id):
        yield f"{view.id}  {view.question}"
        yield f"    {view.document}: {' '.join(view.passage.split())}"


def _require(person_id: UUID, collection_id: UUID, proposal_id: UUID) -> None:
    if proposal_queries.proposal_view(person_id, proposal_id).collection_id != collection_id:
        raise proposals.proposal_not_found()
