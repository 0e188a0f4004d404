"""Why a source gave no file."""

from __future__ import annotations


class SourceFailed(Exception):
    """This source cannot deliver now; another may. `str()` is a cause in words, safe to show."""


class SourceDamaged(SourceFailed):
    """What the source delivered is not the file of the catalogue."""


class SourceUnreachable(SourceFailed):
    """The source does not answer at all; asking it for another file would not help."""
