"""The ASGI application: pages, websockets, and the chat that starts and drains with the process."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

# Django must be set up before anything that imports models.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from chatplatform.api.uploads import UPLOAD_DOORS  # noqa: E402
from chatplatform.chat import process  # noqa: E402
from chatplatform.chat.handshake import SameOriginOnly, nowhere  # noqa: E402
from chatplatform.common.request_ids import SocketRequestIds  # noqa: E402
from chatplatform.files.upload import Uploads  # noqa: E402
from chatplatform.routing import websocket_urlpatterns  # noqa: E402

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

socket_routes = [*websocket_urlpatterns, re_path("", nowhere)]  # type: ignore[arg-type]  # an ASGI application
_by_protocol = ProtocolTypeRouter(
    {
        "http": Uploads(django_application, doors=UPLOAD_DOORS),
        "websocket": SocketRequestIds(SameOriginOnly(URLRouter(socket_routes))),
    }
)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    else:
        await _by_protocol(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await process.start()
            except Exception:
                logger.exception("the chat could not start")
                await send({"type": "lifespan.startup.failed", "message": "the chat could not start"})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await process.drain()
            await send({"type": "lifespan.shutdown.complete"})
            return
