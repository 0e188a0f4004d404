"""Words and characters that every text has, which say nothing of what it is about."""

from __future__ import annotations

from typing import Final

_ENGLISH = """
a an the and or but if of at by for with about into to from in on out off over under as it its this that these
those i me my we our you your he him his she her they them their what which who whom whose when where why how is
are was were be been being am have has had having do does did doing will would shall should can could may might
must not no nor so than then there here too very just also each such both any some s t d ll re ve m please tell

"""
ENGLISH: Final = frozenset(_ENGLISH.split())
