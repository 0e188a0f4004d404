"""Limits of the chat, in one place. Shown to people in words when they are reached."""

from __future__ import annotations

MESSAGES_A_MINUTE = 30
RUNNING_TURNS_A_PERSON = 4
FRAMES_A_SECOND = 20
FRAMES_AT_ONCE = 60
SOCKETS_A_PERSON = 30

PAGE_MESSAGES = 50
# how far a snapshot reaches back to a message that somebody looks at
REACH_MESSAGES = 400
TITLE_CHARS = 80

# Shown text lags the engine by at most this, and one commit serves every turn of the process.
BATCH_S = 0.04

LEASE_S = 6.0
LEASE_RENEWAL_S = 1.5
TAKEOVER_S = 1.0

# How long a turn waits for an engine that is down before it fails (and may be retried).
ENGINE_WAIT_S = 600.0

# A socket that does not read is resynchronised by a snapshot once this much waits for it.
SOCKET_BACKLOG_BYTES = 512 * 1024

# Of the context window, what is kept free for the answer.
ANSWER_TOKENS = 1024
HISTORY_MESSAGES = 200
HISTORY_STEP = 64

# Messages of one conversation that may wait for a running answer to end.
QUEUED_MESSAGES = 20
