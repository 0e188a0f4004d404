"""What runs over golden questions tell, in words and figures that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chatplatform.knowledge.quality.exchange import Imported
from chatplatform.knowledge.quality.measures import Figures
from chatplatform.knowledge.quality.proposal_queries import ProposalRunView
from chatplatform.knowledge.quality.queries import ResultView, Verdict

VERDICT_KINDS: Final[Mapping[Verdict, str]] = {
    "found": "accent",
    "rightly_refused": "accent",
    "refused": "warning",
    "missing": "danger",
    "wrongly_answered": "danger",
}


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A figure with its name, and what it was before; `change` is better, worse or nothing."""

    label: str
    value: str
    before: str
    change: str


def summary(figures: Figures) -> str:
    """The figures in one or two sentences."""
    parts = []
    with_answer = figures.questions - figures.unanswerable
    if with_answer and figures.recall_1 is not None and figures.recall_5 is not None:
        parts.append(
            ngettext(
                "Of %(n)d question with an answer here, %(first)d find it as the first passage, "
                "%(five)d among the first five.",
                "Of %(n)d questions with an answer here, %(first)d find it as the first passage, "
                "%(five)d among the first five.",
                with_answer,
            )
            % {
                "n": with_answer,
                "first": round(figures.recall_1 * with_answer),
                "five": round(figures.recall_5 * with_answer),
            }
        )
    if figures.refused_wrongly:
        refused = round(figures.refused_wrongly * with_answer)
        parts.append(
            ngettext(
                "For %(n)d of them an assistant that answers from passages only would say that it does not know.",
                "For %(n)d of them an assistant that answers from passages only would say that it does not know.",
                refused,
            )
            % {"n": refused}
        )
    if figures.unanswerable and figures.refused_rightly is not None:
        parts.append(
            ngettext(
                "Of %(n)d question that nothing here answers, %(refused)d is refused as it should be.",
                "Of %(n)d questions that nothing here answers, %(refused)d are refused as they should be.",
                figures.unanswerable,
            )
            % {
                "n": figures.unanswerable,
                "refused": round(figures.refused_rightly * figures.unanswerable),
            }
        )
    return " ".join(parts)


def shown_figures(figures: Figures, before: Figures | None = None) -> list[ShownFigure]:
    """Every figure of a run, beside that of the run before."""

    def one(label: str, name: str, *, more_is_better: bool = True, is_share: bool = True) -> ShownFigure:
        value = getattr(figures, name)
        was = getattr(before, name) if before else None
        shown, then = (_share(value), _share(was)) if is_share else (_number(value), _number(was))
        change = ""
        if value is not None and was is not None and shown != then:
            change = "better" if (value > was) == more_is_better else "worse"
        return ShownFigure(label, shown, then if change else "", change)

    return [
        one(_("Right passage first"), "recall_1"),
        one(_("Among the first five"), "recall_5"),
        one(_("Among the first ten"), "recall_10"),
        one(_("nDCG@10"), "ndcg_10", is_share=False),
        one(_("MRR"), "mrr", is_share=False),
        one(_("Refused, though there is an answer"), "refused_wrongly", more_is_better=False),
        one(_("Refused, as there is none"), "refused_rightly"),
        ShownFigure(_("Time of a search"), _time(figures.median_ms), "", ""),
    ]


def verdict_words(result: ResultView) -> str:
    """What became of one question."""
    words: Mapping[Verdict, str] = {
        "found": _("Found in place %(n)d") % {"n": result.rank or 0},
        "refused": _("In place %(n)d, but not sure enough") % {"n": result.rank or 0},
        "missing": _("Not among the first ten"),
        "rightly_refused": _("Refused, as it should be"),
        "wrongly_answered": _("Answered, though nothing here does"),
    }
    return words[result.verdict]


def change_words(result: ResultView) -> str:
    """How that differs from the run before; nothing where it does not."""
    if result.change not in {"better", "worse"}:
        return ""
    words = _("Better") if result.change == "better" else _("Worse")
    if result.before != result.rank and result.before is not None:
        return _("%(change)s, was in place %(n)d") % {"change": words, "n": result.before}
    return words


def imported_words(done: Imported) -> str:
    """What an import did."""
    parts = [
        ngettext("%(n)d question added", "%(n)d questions added", done.added) % {"n": done.added},
    ]
    if done.changed:
        parts.append(_("%(n)d changed") % {"n": done.changed})
    if done.unchanged:
        parts.append(_("%(n)d were here already") % {"n": done.unchanged})
    if done.refused:
        parts.append(_("%(n)d not taken") % {"n": done.refused})
    return " · ".join(parts)


def proposed_words(run: ProposalRunView) -> str:
    """What came of it so far."""
    proposed = ngettext("%(n)d question proposed", "%(n)d questions proposed", run.proposed) % {
        "n": run.proposed
    }
    if not run.left_out:
        return proposed
    left_out = ngettext("%(n)d left out", "%(n)d left out", run.left_out) % {"n": run.left_out}
    return f"{proposed} · {left_out}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{round(100 * value)} %"


def _number(value: float | None) -> str:
    return "–" if value is None else str(number_format(round(value, 2), 2))


def _time(value: float | None) -> str:
    return "–" if value is None else _("%(n)s ms") % {"n": number_format(round(value))}
