"""Template tags of the pages of knowledge."""

from __future__ import annotations

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.translation import ngettext

from chatplatform.console.knowledge_words import (
    LANGUAGES,
    PAGE_STATE_KINDS,
    SITE_STATE_KINDS,
    STATE_KINDS,
    WAITED_FOR,
    kind_words,
)
from chatplatform.knowledge.document_queries import DocumentView
from chatplatform.knowledge.web_pages.queries import PageView, SiteView

register = template.Library()


@register.filter
def about(document: DocumentView) -> str:
    """What a document is: its kind, size, pages and language."""
    parts = [kind_words(document.source, document.kind), filesizeformat(document.size)]
    if document.pages and document.kind in {"pdf", "slides"}:
        parts.append(ngettext("%(n)d page", "%(n)d pages", document.pages) % {"n": document.pages})
    if document.language in LANGUAGES:
        parts.append(str(LANGUAGES[document.language]))
    return " · ".join(parts)


@register.filter
def state_kind(document: DocumentView) -> str:
    """The colour of its state."""
    return STATE_KINDS.get(document.state, "")


@register.filter
def waits_for(document: DocumentView) -> str:
    """Why a document in work does not get on just now; empty for one that does."""
    return str(WAITED_FOR.get(document.problem, document.message))


@register.filter
def site_kind(site: SiteView) -> str:
    """The colour of its state."""
    return SITE_STATE_KINDS.get(site.state, "")


@register.filter
def page_kind(page: PageView) -> str:
    """The colour of its state."""
    return PAGE_STATE_KINDS.get(page.state, "")
