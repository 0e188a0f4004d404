"""The confined process: a document comes in by standard input, blocks go out by standard output, one JSON line each.

    python -m chatplatform.documents.child ENDING MEMORY_MB CPU_S MOST_CHARS PASSWORD_BYTES

The first PASSWORD_BYTES of the input are the document's password: arguments can be read by others on the machine.

The last line is `{"done": …}` or `{"problem": …}`; where there is none, the process was ended. Imports no Django.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from chatplatform.documents.blocks import OutlineEntry
from chatplatform.documents.confinement import Confined, confine

# what is left of the time when it stops by itself, with what it has read
STOP_AT = 0.8


def main() -> None:
    ending, memory_mb, cpu_s, most_chars, secret = sys.argv[1], *(int(word) for word in sys.argv[2:6])
    confine(memory_mb=memory_mb, cpu_s=cpu_s)
    out = sys.stdout.buffer
    from chatplatform.documents.formats import read
    from chatplatform.documents.formats.failures import Unreadable

    def say(line: dict[str, Any]) -> None:
        out.write(json.dumps(line).encode("ascii") + b"\n")

    chars = page = 0
    is_cut = False
    try:
        password = sys.stdin.buffer.read(secret).decode("utf-8", "replace")
        data = sys.stdin.buffer.read()
        kind, blocks = read(data, ending, password)
        say({"kind": kind.value})
        for block in blocks:
            if isinstance(block, OutlineEntry):
                title = block.title.encode("utf-8", "replace").decode()
                say({"outline": [title, block.level, block.page]})
                continue
            text = block.text.encode("utf-8", "replace").decode()
            room = most_chars - chars
            if len(text) > room or time.process_time() > cpu_s * STOP_AT:
                is_cut = True
                text = text[: max(0, room)]
            chars += len(text)
            page = max(page, block.page)
            if text:
                say({"block": [block.kind, block.level, block.page, text]})
            if is_cut:
                break
        say({"done": {"pages": page, "is_cut": is_cut}})
    except Unreadable as error:
        say({"problem": error.code})
    except MemoryError:
        say({"problem": "too_large_inside"})
    except (Confined, RecursionError):
        say({"problem": "damaged"})
    except Exception:  # noqa: BLE001 - a parser may raise anything at a damaged file; no trace: it could hold content
        say({"problem": "damaged"})
    out.flush()


if __name__ == "__main__":
    main()
