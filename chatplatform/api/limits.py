"""Limits of the API, in one place. A client meets them in words and in headers."""

from __future__ import annotations

MAX_BODY_BYTES = 1024 * 1024

PAGE_ITEMS = 50
MAX_PAGE_ITEMS = 200

IDEMPOTENCY_KEY_CHARS = 255
# How long a repeated request gets the first one's answer, and how long a request may take before it counts as dead.
IDEMPOTENCY_KEPT_S = 24 * 3600
IDEMPOTENCY_RUNNING_S = 900

# A stream that has nothing to say shows that it lives, and asks again whether its caller may still be there.
STREAM_BEAT_S = 1.5
STREAM_COMMENT_S = 15.0
# A client that takes nothing for so long is given up.
STREAM_STUCK_S = 60.0

# How long a request that waits for the whole answer waits, in seconds.
WAIT_S = 300
