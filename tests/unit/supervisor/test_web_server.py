"""The limits of the web process."""

from __future__ import annotations

from typing import Any

from chatplatform.chat.protocol import MAX_FRAME_BYTES
from chatplatform.supervisor.web_server import web_config


def test_frames_are_limited_by_the_protocol() -> None:
    assert web_config().ws_max_size == MAX_FRAME_BYTES


def test_proxy_headers_are_believed_only_behind_a_declared_proxy(settings: Any) -> None:
    assert not web_config().proxy_headers
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"public_url": "https://chat.example"})
    assert web_config().proxy_headers


def test_requests_are_not_logged_by_address() -> None:
    assert not web_config().access_log
