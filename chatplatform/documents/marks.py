"""What a page of HTML says to programs that follow links, read in a confined process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MEMORY_MB: Final = 1024
CPU_S: Final = 10
_WALL_S: Final = 60
_ROOT = Path(__file__).resolve().parents[2]
_NAME_OF_A_CHARSET: Final = re.compile(r"[a-zA-Z0-9_-]{2,40}", re.ASCII)


class MarksUnreadable(Exception):
    """Reading took more time or memory than a page gets. Holds nothing of the page."""


@dataclass(frozen=True, slots=True)
class Marks:
    """`links`, `base` and `own` (the address the page gives as its own) stand as they are written, for the caller to
    join; links with `nofollow` are left out. `metas` are the contents of the asked-for meta elements."""

    links: tuple[str, ...] = field(repr=False)
    base: str = field(repr=False)
    own: str = field(repr=False)
    metas: tuple[str, ...] = field(repr=False)


def marks_of(data: bytes, *, charset: str, names: Collection[str]) -> Marks:
    """The marks of `data`; `charset` is what the server said or empty, `names` are of meta elements, in lower case.

    Raises MarksUnreadable.
    """
    known = charset if _NAME_OF_A_CHARSET.fullmatch(charset) else "-"
    try:
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "chatplatform.documents.marks_child",
                known,
                str(MEMORY_MB),
                str(CPU_S),
                ",".join(names),
            ],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            # no secrets of ours
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(_ROOT),
                "PYTHONUTF8": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            timeout=_WALL_S,
            check=True,
        )
        said = json.loads(ended.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise MarksUnreadable from error
    return Marks(tuple(said["links"]), said["base"], said["own"], tuple(said["metas"]))
