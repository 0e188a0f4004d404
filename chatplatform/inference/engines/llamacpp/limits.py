"""Limits of the engine. Times in seconds, lengths in tokens unless the name says otherwise."""

from __future__ import annotations

MAX_PARALLEL = 16
"""Answers written at once; more only make each slower."""
MAX_BACKGROUND = 2
"""Of these, how many may be background work."""
MAX_RUNNING_OF_ONE = 12
"""Of these, how many may be one person's: somebody else always finds a place."""
MAX_QUEUED = 128
MAX_QUEUED_OF_ONE = 64
"""Of these, how many may be one person's."""
MAX_QUEUE_S = 300.0
"""Longest wait in the queue."""
MAX_RUN_S = 1800.0
"""Longest time from the queue to the end of an answer."""
QUEUE_NEWS_S = 1.0
"""A waiting request hears its place when it changes, and its expected wait this often."""

STEP_S = 0.09
"""Reading a prompt beside answers being written may add so much to a step, or as much as writing takes."""
LONGEST_STEP_S = 0.5
"""On a machine so slow that writing alone takes longer, reading beside it adds so much at most."""
MIN_PIECE = 16
SOLO_PIECE = 128
"""Tokens read in one step when nobody writes: such a step can be aborted without harm to an answer."""

IDLE_KEEP_S = 900.0
"""A conversation that nobody goes on with leaves the cache after this time."""

SAVED_KEEP_S = 4 * 3600.0
"""A conversation that has left the cache is forgotten after this time."""
TIDY_S = 60.0
"""How often a busy engine looks for what has been kept long enough."""
PATIENCE = 0.5
"""Of the tokens that could be read while a prompt waits, so many count off its length: shorter prompts are read
first, but not for ever."""

DEFAULT_MAX_TOKENS = 1024
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
MAX_RECEIVE_S = 30.0
"""A request that has not come to its end after so long is refused."""
MAX_SEND_S = 60.0
"""A client that takes nothing for so long is given up."""
