"""How passwords are kept."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.

    Django's own figures take 100 MiB for each attempt, which many attempts at once would take from the models.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
