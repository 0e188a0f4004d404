"""A JSON array object by object: nothing doubled or lost wherever the chunks end, and hostile ones cost little."""

from __future__ import annotations

import io
import json
import random
from contextlib import suppress

import pytest

from chatplatform.common.errors import InvalidInput
from chatplatform.sharing.importing import splitting
from chatplatform.sharing.importing.problems import Refused
from chatplatform.sharing.importing.splitting import objects_of_array

ODD = [
    {},
    {"a": 'brackets ]}[{ and "quotes" and \\ and \\"'},
    {"b": [[], {}, [{"c": "\u4e2d\u6587 😀"}]]},
    {"d": "\\"},
    {"e\\": "]"},
]


def split(data: bytes) -> list[bytes | Refused]:
    return list(objects_of_array(io.BytesIO(data)))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 4096])
def test_every_object_comes_whole_wherever_chunks_end(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(splitting, "_CHUNK", chunk)
    for indent in (None, 2):
        for ascii_only in (True, False):
            text = json.dumps(ODD, indent=indent, ensure_ascii=ascii_only)
            found = split(b"\xef\xbb\xbf \n" + text.encode() + b"\n ")
            assert [json.loads(each) for each in found if isinstance(each, bytes)] == ODD


def test_noise_ends_in_words_and_never_in_a_defect() -> None:
    dice = random.Random(7)
    alphabet = [b"[", b"]", b"{", b"}", b'"', b"\\", b",", b" ", b"1", b"a"]
    for _ in range(3000):
        data = b"[" + b"".join(dice.choices(alphabet, k=dice.randrange(40)))
        with suppress(InvalidInput):
            split(data)


@pytest.mark.parametrize(
    "data", [b"[{}", b"[", b'[{"a": "', b'[{"a": "]}]', b"[{}] {}", b"[1]", b"[[]]", b"{}", b"", b"null"]
)
def test_what_is_no_list_of_objects_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        split(data)


def test_one_bad_object_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "CONVERSATION_BYTES", 1000)
    monkeypatch.setattr(splitting, "STRUCTURES", 100)
    large = {"a": "x" * 2000}
    deep = json.loads("[" * 80 + "]" * 80)
    many = {"a": [{} for _ in range(120)]}
    found = split(json.dumps([{"n": 1}, large, {"d": deep}, many, {"n": 2}]).encode())
    codes = [each.code if isinstance(each, Refused) else json.loads(each)["n"] for each in found]
    assert codes == [1, "too_large", "too_deep", "too_many_parts", 2]
