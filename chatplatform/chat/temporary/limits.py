"""How much of temporary chats a process holds, and for how long. Shown to people in words when it is reached."""

from __future__ import annotations

# A reload closes a socket too: so long a chat waits for somebody to open it again.
GRACE_S = 600.0
SWEEP_S = 2.0

CHATS_A_PERSON = 5
CHARS_A_CHAT = 400_000
# Python keeps a character in one to four bytes.
CHARS_IN_ALL = 50_000_000

KEPT_REMEMBERED = 1_000
# What is forgotten late because the database was away; more than this, and the engine's own clock has to do.
OVERDUE = 1_000
