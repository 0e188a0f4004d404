"""Who asks, as far as a request tells."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from chatplatform.common.actors import Actor, ActorKind

_NEXT_CHARS = 2000


def address_of(request: HttpRequest) -> str:
    """The network address that the request came from, or nothing when it came from none (a Unix socket)."""
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""


def visitor_of(request: HttpRequest) -> Actor:
    """Somebody who has not signed in."""
    return Actor(ActorKind.ANONYMOUS, "anonymous", address_of(request))


def next_page(request: HttpRequest) -> str:
    """Where `next` asks to go on, when that is a page of this site; else nothing."""
    return own_page(request.POST.get("next") or request.GET.get("next") or "")


def own_page(asked: str) -> str:
    """`asked`, when it is a page of this site; else nothing."""
    # a path of ours and nothing else: no host, no scheme, no control character that a browser would drop
    is_path = asked.startswith("/") and asked.isprintable() and len(asked) <= _NEXT_CHARS
    return asked if is_path and url_has_allowed_host_and_scheme(asked, allowed_hosts=None) else ""


def next_page_or_chat(request: HttpRequest) -> str:
    return next_page(request) or reverse(settings.LOGIN_REDIRECT_URL)
