"""Limits of order, in one place. Shown to people in words when they are reached."""

from __future__ import annotations

FOLDERS = 200
TAGS = 300
TAGS_A_CONVERSATION = 20
NAME_CHARS = 60
INSTRUCTIONS_CHARS = 4_000
CONVERSATIONS_AT_ONCE = 500
