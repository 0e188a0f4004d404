"""Documents through the whole way with the real encoder and a real Chroma: no word of them lies on the disk in clear,
and when they are deleted nothing of them is left, whatever the files were."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.knowledge_site import KnowledgeSite, knowledge_site
from tests.privacy.test_canary_on_disk import files_with
from tests.unit.documents import made

pytest.importorskip(
    "chromadb_rust_bindings", reason="install it: python -m chatplatform.installation install chroma"
)
pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(3600)]

CANARY = "glockenspiel-canary-90ad14"


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[KnowledgeSite]:
    with knowledge_site(tmp_path) as found:
        for process in ("chroma", "engine_encoder", "worker"):
            found.site.start(process)
        found.chroma_beats()
        yield found


def write_good(folder: Path) -> int:
    files = {
        f"{CANARY}.md": f"# {CANARY}\n\nThe {CANARY} is kept dry. 帐篷防水。".encode(),
        "note.txt": f"{CANARY} once more".encode("utf-16"),
        "tents.docx": made.word(),
        "slides.pptx": made.slides(),
        "sheet.xlsx": made.sheet(),
        "book.epub": made.epub(),
        "text.odt": made.open_text(),
        "paper.pdf": made.pdf(f"The {CANARY} on paper"),
        "mail.eml": made.mail(),
        "look.ipynb": made.notebook(),
        "table.csv": f"name,weight\n{CANARY},1.8\n".encode(),
        "data.json": f'{{"name": "{CANARY}"}}'.encode(),
        "page.html": f"<html><body><h1>{CANARY}</h1><script>alert(1)</script></body></html>".encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return len(files)


def write_bad(folder: Path) -> None:
    """What has to end in a clear state, or at the door, and harms nothing else."""
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "<Types/>")
        bomb.writestr("word/document.xml", b"<w>" + b"A" * 400_000_000)
    entities = [f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 12)]
    laughs = "".join(['<!DOCTYPE a [<!ENTITY b0 "ha">', *entities])
    files = {
        "laughs.html": f"{laughs}]><html><body>&b11;</body></html>".encode(),
        "broken.pdf": b"%PDF-1.7\nbroken",
        "empty.txt": b"",
        "blanks.txt": b" \n\t" * 5000,
        "mislabelled.pdf": made.word(),
        "cut.docx": made.word()[:400],
        "one line.txt": b"word " * 30_000,
        "no words.txt": bytes(range(256)) * 4000,
        "deep.json": b"[" * 200_000,
        "marks.md": b"#" * 20_000 + b"\n" + b"* " * 10_000,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_no_word_lies_in_clear_and_nothing_stays_of_what_is_deleted(
    knowledge: KnowledgeSite, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    good = write_good(given)
    write_bad(given)
    others = os.environ.get("CHATPLATFORM_BENCH_DATA")
    if others and (Path(others) / "docs").is_dir():
        for path in (Path(others) / "docs").rglob("*"):
            if path.is_file():
                (given / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    refused = knowledge.add_files(given)
    files = sum(path.is_file() for path in given.iterdir())
    found = knowledge.settled(within_s=3000 if others else 600)
    print(f"{files} files, {refused} refused: {found}")
    assert sum(found["documents"].values()) <= files - refused
    assert found["documents"]["read"] >= good
    assert found["entries"] == {"done": found["documents"]["read"]}
    assert not {"fault", "index_fault"} & (found["unread"].keys() | found["problems"].keys())
    assert found["without_vector"] == found["left_over_vectors"] == found["terms_missing"] == 0

    data = tmp_path / "data"
    logs = tmp_path / "logs"
    kept = data / "knowledge"
    assert sum(path.is_file() for path in kept.rglob("*")) >= 2 * good
    assert not files_with(CANARY, data)
    assert not files_with(CANARY, logs)

    knowledge.delete_all()
    gone = knowledge.settled()
    assert gone["documents"] == gone["entries"] == {}
    assert gone["chunks"] == gone["left_over_vectors"] == 0
    assert not [path for path in kept.rglob("*") if path.is_file()]
