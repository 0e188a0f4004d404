"""What the scripted engine says: a pure function of the last question, so that any piece of it can be checked.

Directives in the question steer it: `[[tokens=200 delay_ms=20 die_after=10]]`. With tools, `[[tool]]` uses the first.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

DIMENSIONS = 384

_DIRECTIVES = re.compile(r"\[\[((?!tool\]\])[^\[\]]*)\]\]")
_TOKEN = re.compile(r"\s*(?:[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+)\s*")
_COUNTED = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]|\w+|[^\w\s]")

MARKDOWN = """# A tent for two 双人帐篷

Pitch it in **five minutes**, with *two* poles. 搭建只需五分钟。

1. Spread the floor.
2. Cross the poles:
   - the long one first,
   - then the short one.

```python
def weight_kg(poles: int) -> float:
    return 1.4 + 0.2 * poles  # <b>not</b> HTML
```

| part | weight | 重量 |
| --- | ---: | --- |
| floor | 0.6 kg | 六百克 |
| poles | 0.4 kg | 四百克 |

> Dry it before you pack it. 收纳前请晾干。

See [the guide](https://example.org/guide) for `repairs`.
"""


@dataclass(frozen=True, slots=True)
class Directives:
    """How to answer one question. Counts are in tokens of the whole answer, times in milliseconds.

    `die_after` ends the process once that many tokens of the answer were sent, `cut_after` the connection; an
    answer that is continued beyond the number is not hit again. `queue` shows that many places in the queue,
    `queue_ms` each. `hold` keeps the first byte back until the test lets go. `error` answers with that code.
    `mode` is words or markdown; `word` begins each word, to tell answers apart; a new paragraph begins after so many
    words as `paragraph` says. `say` is the whole answer, as URL-safe base64 of UTF-8. `by_character` makes every
    character a token. `think` is how many words are thought before the answer, each begun with `thought`;
    `die_thinking` ends the process once so many of them were sent, and does not hit what goes on beyond the number.
    """

    tokens: int = 64
    delay_ms: float = 0.0
    first_delay_ms: float = 0.0
    read_delay_ms: float = 0.0
    die_after: int = -1
    cut_after: int = -1
    queue: int = 0
    queue_ms: float = 20.0
    hold: bool = False
    error: str = ""
    mode: str = "words"
    word: str = "w"
    paragraph: int = 0
    say: str = ""
    by_character: bool = False
    think: int = 0
    thought: str = "t"
    die_thinking: int = -1


def directives(question: str, default: Directives) -> Directives:
    """The directives in `question` over `default`; unknown names and bad values raise ValueError."""
    kinds = {field.name: type(getattr(default, field.name)) for field in fields(Directives)}
    changes: dict[str, object] = {}
    for found in _DIRECTIVES.findall(question):
        for word in found.split():
            name, _, value = word.partition("=")
            if name not in kinds:
                raise ValueError(f"no directive is called {name!r}")
            kind = kinds[name]
            changes[name] = value not in {"0", "no"} if kind is bool else kind(value)
    return replace(default, **changes)  # type: ignore[arg-type]


def reply(question: str, wanted: Directives, script: Sequence[tuple[str, str]] = ()) -> str:
    """The whole answer. `script` has pairs of a piece of the question and the answer to it; first fit wins."""
    for piece, answer in script:
        if piece in question:
            return answer
    if wanted.say:
        return base64.urlsafe_b64decode(wanted.say).decode()
    if wanted.mode == "markdown":
        return MARKDOWN
    words = [f"{wanted.word}{number}" for number in range(wanted.tokens)]
    each = wanted.paragraph or len(words) or 1
    return "\n\n".join(" ".join(words[start : start + each]) for start in range(0, len(words), each))


def thoughts(wanted: Directives) -> str:
    """All that is thought before the answer."""
    return " ".join(f"{wanted.thought}{number}" for number in range(wanted.think))


def tokens_of(text: str, *, by_character: bool = False) -> list[str]:
    """`text` cut into tokens that join to `text` again."""
    if by_character:
        return list(text)
    return _TOKEN.findall(text) or ([text] if text else [])


def count(text: str) -> int:
    """How many tokens a text is read as."""
    return len(_COUNTED.findall(text))


def embedding(text: str) -> list[float]:
    """A vector of length 1 in which texts with common words lie near each other."""
    vector = [0.0] * DIMENSIONS
    for word in _COUNTED.findall(text.lower()) or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        vector[int.from_bytes(digest[:4], "big") % DIMENSIONS] += 1.0 if digest[4] % 2 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]
