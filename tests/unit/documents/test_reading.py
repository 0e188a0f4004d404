"""Documents of every kind into text; bad ones into words, with nothing else harmed."""

from __future__ import annotations

import os
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from chatplatform.documents.blocks import Block, Document, OutlineEntry
from chatplatform.documents.kinds import Kind, ending_of, kind_of
from chatplatform.documents.problems import WORDS, Problem
from chatplatform.documents.reading import DocumentUnreadable, Limits, read_document
from chatplatform.documents.structure import elements
from tests.unit.documents import made

REAL = Path(os.environ.get("CHATPLATFORM_BENCH_DATA", "data/bench")) / "docs"


def read(data: bytes, name: str = "", password: str = "", **limits: int) -> Document:
    return read_document(
        [data], ending=ending_of(name), password=password, limits=Limits(**limits) if limits else None
    )


def told(document: Document) -> list[tuple[str, int, str]]:
    return [(block.kind, block.page, block.text) for block in document.blocks]


def test_word() -> None:
    assert told(read(made.word())) == [
        ("heading", 0, "Tents"),
        ("text", 0, "The Fjord weighs 1.8 kg."),
        ("table", 0, "Tent | Price\nFjord | 249"),
    ]


def test_slides_come_in_their_order_with_the_title_first() -> None:
    assert told(read(made.slides())) == [
        ("heading", 1, "First"),
        ("text", 1, "Sooner"),
        ("heading", 2, "Second"),
        ("text", 2, "Later"),
    ]


def test_sheets() -> None:
    assert told(read(made.sheet())) == [("heading", 1, "Prices"), ("table", 1, "Tent | Price\nFjord | 249")]


def test_pdf_by_page() -> None:
    document = read(made.pdf("The Fjord weighs 1.8 kg.", "It costs 249."))
    assert told(document) == [("text", 1, "The Fjord weighs 1.8 kg."), ("text", 2, "It costs 249.")]
    assert document.pages == 2


def test_html_loses_what_is_no_text() -> None:
    assert told(read(made.HTML)) == [
        ("heading", 0, "Shop & more"),
        ("heading", 0, "Tents"),
        ("text", 0, "The Fjord weighs 1.8 kg."),
        ("list", 0, "- green"),
        ("table", 0, "Tent | Price\nFjord | 249"),
    ]


@pytest.mark.parametrize(
    ("data", "name", "kind", "words"),
    [
        (made.epub(), "book.epub", Kind.EPUB, "One\n\nThe beginning.\n\nTwo\n\nThe end."),
        (made.open_text(), "a.odt", Kind.OPEN_TEXT, "Tents\n\nThe Fjord weighs 1.8 kg."),
        (made.notebook(), "a.ipynb", Kind.NOTEBOOK, "Weights\n\nIn kilograms.\n\nprint(1.8)\n\n1.8\n"),
        (
            b"# Tents\n\nThe Fjord.\n\n```\nx\n```\n",
            "a.md",
            Kind.MARKDOWN,
            "Tents\n\nThe Fjord.\n\n```\nx\n```",
        ),
        (b"tent;price\nFjord;249\n", "a.csv", Kind.CSV, "tent | price\nFjord | 249"),
        (b'{"tent": "Fjord"}', "a.json", Kind.JSON, '{"tent": "Fjord"}'),
    ],
)
def test_other_kinds(data: bytes, name: str, kind: Kind, words: str) -> None:
    document = read(data, name)
    assert (document.kind, document.text) == (kind, words)


def test_mail_tells_who_what_and_which_attachments() -> None:
    text = read(made.mail(), "a.eml").text
    assert "From: ann@example.org" in text
    assert "Subject: Tents" in text
    assert "The Fjord weighs 1.8 kg." in text
    assert "- list.pdf" in text


CHINESE = "这顶帐篷重一点八公斤，价格是二百四十九元。我们的商店在星期日关门，请您提前打电话。"


TRADITIONAL = "這頂帳篷重一點八公斤，價格是二百四十九元。我們的商店在星期日關門，請您提前打電話。"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk", "big5"])
def test_chinese_in_any_encoding(encoding: str) -> None:
    text = (
        CHINESE
        if encoding != "big5"
        else "這頂帳篷重一點八公斤，價格是二百四十九元。我們的商店在星期日關門，請您提前打電話。"
    )
    assert read((text * 3).encode(encoding)).text == text * 3


def test_western_text_without_a_mark() -> None:
    assert read(
        "Größe und Gewicht: 1,8 kg für das Zelt. Straße, Übergang, schön.".encode("cp1252")
    ).text.startswith("Größe und Gewicht")


def bomb(size_mb: int) -> bytes:
    file = BytesIO()
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("word/document.xml", "w", force_zip64=True) as entry:
        for _ in range(size_mb):
            entry.write(b" " * 2**20)
    return file.getvalue()


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><d>&b;</d>'


@pytest.mark.parametrize(
    ("data", "name", "problem"),
    [
        (b"", "a.txt", Problem.EMPTY),
        (b" \n\n ", "a.txt", Problem.EMPTY),
        (made.pdf(""), "scan.pdf", Problem.NO_TEXT),
        (b"%PDF-1.7\nthis is none", "a.pdf", Problem.DAMAGED),
        (made.word()[:-60], "a.docx", Problem.DAMAGED),
        (made.packed({"word/document.xml": "<w:p>no end"}), "a.docx", Problem.DAMAGED),
        (made.packed({"word/document.xml": LAUGHS}), "a.docx", Problem.DAMAGED),
        (made.packed({"word/document.xml": "<a>" * 100_000}), "a.docx", Problem.DAMAGED),
        (made.packed({"a.txt": "x"}), "a.zip", Problem.ARCHIVE),
        (bomb(110), "a.docx", Problem.TOO_LARGE_INSIDE),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "a.docx",
            Problem.ENCRYPTED,
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", Problem.OLD_OFFICE),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__substg1.0_0037001F".encode("utf-16-le"),
            "a.msg",
            Problem.OUTLOOK,
        ),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "picture.pdf", Problem.PICTURE),
        (b"ID3\x04" + bytes(50), "song.mp3", Problem.AUDIO),
        (b"\x7fELF" + bytes(50), "report.docx", Problem.PROGRAM),
        (bytes(range(256)) * 8, "a.bin", Problem.UNKNOWN),
        (b'{"cells": ' + b"[" * 50_000, "a.ipynb", Problem.DAMAGED),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, name: str, problem: Problem) -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        read(data, name)
    assert refused.value.problem is problem
    assert refused.value.message == WORDS[problem]


def test_every_code_of_the_process_has_words() -> None:
    assert set(WORDS) == set(Problem)
    assert {kind.value for kind in (Kind.PICTURE, Kind.AUDIO, Kind.VIDEO, Kind.ARCHIVE, Kind.PROGRAM)} <= set(
        Problem
    )


def test_a_mislabelled_file_is_read_as_what_it_is() -> None:
    assert read(made.pdf("Hello."), "letter.docx").kind is Kind.PDF
    assert kind_of(made.word(), "pdf") is Kind.PACKAGE


def test_long_texts_are_cut_and_say_so() -> None:
    document = read(b"word " * 10_000, most_chars=1000)
    assert document.is_cut
    assert len(document.text) == 1000


def test_a_parser_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        read(b"x " * 30_000_000, memory_mb=160)
    assert refused.value.problem is Problem.TOO_LARGE_INSIDE


def test_a_parser_that_takes_too_long_is_ended() -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        read_document(iter([made.word()]), limits=Limits(wall_s=0))
    assert refused.value.problem is Problem.TOO_SLOW


def test_what_on_tick_raises_ends_the_reading() -> None:
    class Gone(Exception):
        pass

    def tick(_page: int) -> None:
        raise Gone

    with pytest.raises(Gone):
        read_document([made.word()], on_tick=tick)


@pytest.mark.parametrize("data", [made.word(), made.pdf("Tents", "Boots", outline=["Light", "Heavy"])])
def test_a_document_comes_back_as_it_was_stored(data: bytes) -> None:
    document = read(data)
    assert Document.from_bytes(document.to_bytes()) == document


def test_a_document_that_was_stored_before_there_were_outlines() -> None:
    stored = b'[{"kind": "pdf", "pages": 1, "is_cut": false}, [["text", 0, 1, "Hello."]]]'
    assert Document.from_bytes(stored) == Document(Kind.PDF, (Block("Hello.", page=1),), 1)


def test_the_outline_of_a_pdf_stands_beside_its_text() -> None:
    document = read(made.pdf("Tents", "Boots", outline=["Light", "Heavy"]))
    assert document.text == "Tents\n\nBoots"
    assert document.outline == (OutlineEntry("Light", 1, 1), OutlineEntry("Heavy", 1, 2))


def test_the_password_is_in_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, words: list[str], **options: Any) -> None:
            seen.append(words)
            super().__init__(words, **options)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    assert read(made.word(), password="open sesame").kind is Kind.WORD
    assert seen
    assert "sesame" not in str(seen)


@pytest.mark.skipif(not REAL.is_dir(), reason="public documents are not here")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chatchat-zh/ocr_test.docx", "我是文字"),
        ("chatchat-zh/ocr_test.pptx", "我是表格1 | 我是表格5"),
        ("markitdown/test.xls", "Alpha | Beta | Gamma | Delta"),
        ("markitdown/test_mskanji.csv", "佐藤太郎 | 30 | 東京"),
        ("pypdf/multilang.pdf", "你好世界"),
    ],
)
def test_documents_of_others(name: str, words: str) -> None:
    path = REAL / name
    assert words in read(path.read_bytes(), path.name).text


# documents of others that are no text, with why; every other one is read
STATES = {
    "chatchat-zh/ocr_test.jpg": Problem.PICTURE,
    "markitdown/MEDRPT-2024-PAT-3847_medical_report_scan.pdf": Problem.NO_TEXT,
    "markitdown/expected_outputs/MEDRPT-2024-PAT-3847_medical_report_scan.md": Problem.EMPTY,
    "markitdown/random.bin": Problem.UNKNOWN,
    "markitdown/test.jpg": Problem.PICTURE,
    "markitdown/test.m4a": Problem.AUDIO,
    "markitdown/test.mp3": Problem.AUDIO,
    "markitdown/test.wav": Problem.AUDIO,
    "markitdown/test_files.zip": Problem.ARCHIVE,
    "markitdown/test_outlook_msg.msg": Problem.OUTLOOK,
    "pypdf/box.pdf": Problem.NO_TEXT,
    "pypdf/crazyones-encrypted-256.pdf": Problem.ENCRYPTED,
    "pypdf/encrypted-file.pdf": Problem.ENCRYPTED,
    "pypdf/encrypted_doc_no_id.pdf": Problem.NO_TEXT,
    **{
        f"pypdf/encryption/{name}.pdf": Problem.ENCRYPTED
        for name in (
            *("r2-user-password", "r3-user-password", "r4-aes-user-password", "r4-user-password"),
            *("r5-user-password", "r6-both-passwords", "r6-user-password"),
        )
    },
    "pypdf/git.pdf": Problem.NO_TEXT,
    "pypdf/imagemagick-ASCII85Decode.pdf": Problem.NO_TEXT,
    "pypdf/imagemagick-CCITTFaxDecode.pdf": Problem.NO_TEXT,
    "pypdf/imagemagick-images.pdf": Problem.NO_TEXT,
    "pypdf/imagemagick-lzw.pdf": Problem.NO_TEXT,
    "pypdf/issue-3850-1bit-indexed-flate.pdf": Problem.NO_TEXT,
    "pypdf/libreoffice-writer-password.pdf": Problem.ENCRYPTED,
}


@pytest.mark.skipif(not REAL.is_dir(), reason="public documents are not here")
@pytest.mark.timeout(500)  # a process for each of a hundred documents
@pytest.mark.parametrize("folder", ["chatchat-zh", "markitdown", "pypdf"])
def test_every_document_of_others_has_a_state(folder: str) -> None:
    states = {}
    for path in sorted((REAL / folder).rglob("*")):
        if path.is_file():
            name = path.relative_to(REAL).as_posix()
            try:
                document = read(path.read_bytes(), path.name)
            except DocumentUnreadable as error:
                states[name] = error.problem
                continue
            assert document.text.strip(), name
            for element in elements(document):
                assert document.text[element.start : element.end].strip(), name
    assert states == {name: problem for name, problem in STATES.items() if name.startswith(folder)}


@pytest.mark.skipif(not REAL.is_dir(), reason="public documents are not here")
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("crazyones-encrypted-256.pdf", "password"),
        ("encryption/r6-both-passwords.pdf", "foo"),
        ("encryption/r6-both-passwords.pdf", "bar"),
        ("encryption/r2-user-password.pdf", "asdfzxcv"),
        ("encryption/r5-user-password.pdf", "asdfzxcv"),
    ],
)
def test_a_password_opens_what_it_protects_and_another_one_does_not(name: str, password: str) -> None:
    data = (REAL / "pypdf" / name).read_bytes()
    assert read(data, name, password).text
    with pytest.raises(DocumentUnreadable) as refused:
        read(data, name, "no " + password)
    assert refused.value.problem is Problem.WRONG_PASSWORD
