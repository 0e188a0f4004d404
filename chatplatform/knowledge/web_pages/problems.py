"""Why a page did not become a document, or a site was not fetched: a stable code, and words that say what to do."""

from __future__ import annotations

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.knowledge.problems import problem_words as document_words


class Problem(StrEnum):
    HOST_NOT_PERMITTED = "host_not_permitted"
    ADDRESS_NOT_PERMITTED = "address_not_permitted"
    NOT_ENCRYPTED = "not_encrypted"
    NOT_TRUSTED = "not_trusted"
    HOST_NOT_FOUND = "host_not_found"
    NO_ANSWER = "no_answer"
    TOO_SLOW = "page_too_slow"
    TOO_LARGE = "page_too_large"
    WRONG_TYPE = "wrong_type"
    EMPTY = "page_empty"
    MARKUP = "page_markup"
    SIGN_IN = "sign_in"
    GONE = "page_gone"
    BUSY = "server_busy"
    SERVER_FAULT = "server_fault"
    ANSWER = "other_answer"
    REDIRECTS = "too_many_redirects"
    ELSEWHERE = "elsewhere"
    ROBOTS = "robots"
    ROBOTS_UNKNOWN = "robots_unknown"
    NOINDEX = "noindex"
    SAME = "same_content"
    OTHER_ADDRESS = "other_address"
    COLLECTION_FULL = "collection_full"
    NOT_ALLOWED = "not_allowed"
    STOPPED = "fetching_stopped"
    FAULT = "fetching_fault"


# what may pass by itself: such a page keeps the document that it had
PASSING = frozenset(
    {
        Problem.NOT_TRUSTED,
        Problem.HOST_NOT_FOUND,
        Problem.NO_ANSWER,
        Problem.TOO_SLOW,
        Problem.MARKUP,
        Problem.SIGN_IN,
        Problem.BUSY,
        Problem.SERVER_FAULT,
        Problem.ANSWER,
        Problem.REDIRECTS,
        Problem.COLLECTION_FULL,
        Problem.FAULT,
    }
)

WORDS: dict[str, str | Promise] = {
    Problem.HOST_NOT_PERMITTED: _(
        "Pages of this host may not be fetched: nothing leaves this machine until it is permitted. Whoever runs the "
        "platform has to add the host to CHATPLATFORM_WEB_PAGE_HOSTS and start it again."
    ),
    Problem.ADDRESS_NOT_PERMITTED: _(
        "The host lies in a private network or on this machine. Pages are fetched from public hosts only."
    ),
    Problem.NOT_ENCRYPTED: _("Pages are fetched over https only. Give the address with https."),
    Problem.NOT_TRUSTED: _("The certificate of the site is not valid for this address."),
    Problem.HOST_NOT_FOUND: _("There is no host of this name. Check the address, then try again."),
    Problem.NO_ANSWER: _("The site did not answer. Try again later."),
    Problem.TOO_SLOW: _("The page took too long to arrive. Try again later."),
    Problem.TOO_LARGE: _("The page is larger than is fetched. Save it and add it as a file."),
    Problem.WRONG_TYPE: _(
        "This is no page or document that can be read, but a picture, a program or the like."
    ),
    Problem.EMPTY: _("The page is empty."),
    Problem.MARKUP: _(
        "Its HTML is so broken that reading it would take too long. Save the page from a browser and add it as a file."
    ),
    Problem.SIGN_IN: _("The site wants a sign-in or refuses programs. Save the page and add it as a file."),
    Problem.GONE: _("The page is not there any more."),
    Problem.BUSY: _("The site asked to be left alone for a while. Try again later."),
    Problem.SERVER_FAULT: _("The site has a fault of its own. Try again later."),
    Problem.ANSWER: _("The site gave an answer that is no page."),
    Problem.REDIRECTS: _("The page leads from one address to the next without end."),
    Problem.ELSEWHERE: _("It leads out of the part that is fetched. Add that address if you want it."),
    Problem.ROBOTS: _("The site excludes it from being fetched, in its robots.txt."),
    Problem.ROBOTS_UNKNOWN: _(
        "The robots.txt of the site could not be read, so it is not known what may be fetched. Try again later."
    ),
    Problem.NOINDEX: _("The page says that it is not to be kept (noindex)."),
    Problem.SAME: _("Another document of the collection has the same content."),
    Problem.OTHER_ADDRESS: _("It stands under another address, which was taken."),
    Problem.COLLECTION_FULL: _("The collection is full. Make another one."),
    Problem.NOT_ALLOWED: _("Who asked for it may not change the documents of this collection any more."),
    Problem.STOPPED: _("It was stopped. Fetch it again to go on."),
    Problem.FAULT: _("Something went wrong on our side. Try again."),
}


class PageProblem(Exception):
    """A page cannot be had. Holds no address."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def page_words(code: str) -> str:
    """Empty for no problem; a document's own words for what keeps a file from being read."""
    if not code:
        return ""
    return str(WORDS[code]) if code in WORDS else document_words(code)
