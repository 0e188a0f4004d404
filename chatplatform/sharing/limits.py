"""Limits of sharing, export and import, in one place. Shown to people in words when they are reached."""

from __future__ import annotations

# Links
EXPIRY_DAYS = (1, 7, 30, 90, 365)
USUAL_EXPIRY_DAYS = 30
OPEN_SHARES_A_PERSON = 200
SHARED_MESSAGES = 10_000
# What one page of a shared conversation shows, and what is encrypted together.
PAGE_MESSAGES = 100

# Files that are made
EXPORT_KEPT_HOURS = 24
EXPORT_CONVERSATIONS = 50_000
EXPORT_BYTES = 4 * 1024**3
BATCH_MESSAGES = 200

# Files that come. A piece travels in JSON, as base64, in a request of one MiB at most.
PIECE_BYTES = 512 * 1024
IMPORT_BYTES = 256 * 1024**2
IMPORT_UNPACKED_BYTES = 2 * 1024**3
IMPORT_ENTRIES = 100_000
IMPORT_CONVERSATIONS = 50_000
CONVERSATION_BYTES = 24 * 1024**2
CONVERSATION_MESSAGES = 20_000
ANSWER_CHARS = 400_000
# Of one conversation in a file: how deep its JSON is nested, and how many lists and objects it has.
NESTING = 64
STRUCTURES = 400_000
# What an unfinished upload is given, and how long the report of an import is kept.
UPLOAD_KEPT_HOURS = 2
REPORT_KEPT_DAYS = 30
PROBLEMS_TOLD = 50
