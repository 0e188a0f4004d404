"""Where diagrams are drawn: a page of its own inside a frame without origin, network or anything of ours.

The frame is sandboxed by the chat's page, and once more by its own policy: it may run two scripts of this server and
nothing else, load nothing, and send nothing. Mermaid comes from an installed package and is read as a file; nothing
of that package is imported.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

_PACKAGE: Final = "mermaidx"
_FILE: Final = "mermaidx/assets/mermaid.js"
# mermaid.min.js of mermaid 11.16.0 as its publisher has it in the npm registry
_SHA256: Final = "74d7c46dabca328c2294733910a8aa1ed0c37451776e8d5295da38a2b758fb9b"
_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        # the frame has no origin, so 'self' is nobody: the scripts are named
        "script-src {scripts}",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-scripts",
    ]
)


def are_here() -> bool:
    """Whether diagrams can be drawn on this installation."""
    return _mermaid() is not None


@lru_cache(maxsize=1)
def _mermaid() -> bytes | None:
    try:
        content = Path(str(distribution(_PACKAGE).locate_file(_FILE))).read_bytes()
    except (PackageNotFoundError, OSError):
        return None
    return content if hashlib.sha256(content).hexdigest() == _SHA256 else None


@require_safe
def frame(request: HttpRequest) -> HttpResponse:
    """The page in the frame. It holds nothing of anybody, so everybody may have it."""
    if not are_here():
        raise Http404
    response = render(request, "chat/diagram_frame.html")
    origin = f"{request.scheme}://{request.get_host()}"
    scripts = f"{origin}/diagrams/mermaid.js {origin}/diagrams/draw.js"
    response.headers["Content-Security-Policy"] = _POLICY.replace("{scripts}", scripts)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
def script(request: HttpRequest, name: str) -> HttpResponse:
    """One of the frame's two scripts. A frame without origin is a stranger: they say that strangers may have them."""
    content = _mermaid() if name == "mermaid" else _draw() if name == "draw" else None
    if content is None:
        raise Http404
    response = HttpResponse(content, content_type="text/javascript; charset=utf-8")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _draw() -> bytes:
    return (Path(__file__).resolve().parent / "diagram_draw.js").read_bytes()
