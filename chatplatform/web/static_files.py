"""Style sheets and scripts, served by the web process itself.

Addresses carry a digest of all files, so that browsers keep them for good and a new release is seen at once;
scripts import each other by relative address and stay inside the same digest.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@lru_cache(maxsize=1)
def release() -> str:
    """The digest that versions every address."""
    digest = hashlib.sha256()
    for finder in finders.get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: found[0]):
            digest.update(path.encode())
            with storage.open(path) as file:
                digest.update(file.read())
    return digest.hexdigest()[:12]


def asset_address(path: str) -> str:
    """Where a browser finds the static file `path`."""
    prefix = "" if settings.DEBUG else f"v-{release()}/"
    return f"{settings.STATIC_URL}{prefix}{path}"


@require_safe
def static_file(request: HttpRequest, path: str) -> HttpResponse:
    version, _, rest = path.partition("/")
    is_current = version == f"v-{release()}" if version.startswith("v-") else False
    name = rest if version.startswith("v-") else path
    content = _read(name) if not settings.DEBUG else _read.__wrapped__(name)
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        suffix = Path(name).suffix
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        response = HttpResponse(
            content, content_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        )
    response["ETag"] = etag
    response["Cache-Control"] = _FOREVER if is_current else "no-cache"
    return response


@lru_cache(maxsize=512)
def _read(name: str) -> bytes:
    found = finders.find(name)
    if not isinstance(found, str) or not Path(found).is_file():
        raise Http404
    return Path(found).read_bytes()
