"""What a page of HTML says to whoever follows links: its links, its own address, and what is not wanted with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatplatform.documents.marks import MarksUnreadable, marks_of
from chatplatform.knowledge.web_pages.addresses import canonical
from chatplatform.knowledge.web_pages.problems import PageProblem, Problem
from chatplatform.knowledge.web_pages.robots import OUR_NAME


@dataclass(frozen=True, slots=True)
class PageLinks:
    """`links` in their one way, each once; `own` is the address that the page itself gives as its own, or empty."""

    links: tuple[str, ...] = field(default=(), repr=False)
    own: str = field(default="", repr=False)
    is_kept: bool = True
    is_followed: bool = True


def links_of(data: bytes, address: str, *, charset: str = "", robots_header: str = "") -> PageLinks:
    """Read whatever of it can be read: broken HTML is told as far as it goes. Raises PageProblem where that would take
    too long: what the page forbids is not known then."""
    try:
        marks = marks_of(data, charset=charset, names=("robots", OUR_NAME))
    except MarksUnreadable as error:
        raise PageProblem(Problem.MARKUP) from error
    rules = _rules(robots_header, *marks.metas)
    base = (canonical(marks.base, address) if marks.base else "") or address
    found = dict.fromkeys(canonical(link, base) for link in marks.links) if rules.is_followed else {}
    return PageLinks(
        tuple(filter(None, found)),
        canonical(marks.own, base) if marks.own else "",
        rules.is_kept,
        rules.is_followed,
    )


def robots_of(header: str) -> PageLinks:
    """The same for what is no HTML: only its header says something."""
    return _rules(header)


def _rules(*said: str) -> PageLinks:
    """`noindex, nofollow`; in a header perhaps with the name of whom it is for before it."""
    forbidden: set[str] = set()
    for part in ",".join(said).lower().split(","):
        whom, colon, words = part.rpartition(":")
        if not colon or whom.strip() in {OUR_NAME, "*"}:
            forbidden.update(words.split())
    return PageLinks(
        is_kept=not forbidden & {"noindex", "none"}, is_followed=not forbidden & {"nofollow", "none"}
    )
