"""Documents that the tests make themselves, of every kind."""

# ruff: noqa: E501
from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from email.message import EmailMessage

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'


def packed(parts: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def word(body: str = "") -> bytes:
    body = body or (
        '<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Tents</w:t></w:r></w:p>'
        "<w:p><w:r><w:t>The Fjord weighs </w:t></w:r><w:ins><w:r><w:t>1.8 kg.</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>9 kg.</w:delText></w:r></w:del></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Tent</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Price</w:t></w:r></w:p>"
        "</w:tc></w:tr><w:tr><w:tc><w:p><w:r><w:t>Fjord</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>249</w:t></w:r>"
        "</w:p></w:tc></w:tr></w:tbl>"
    )
    return packed(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f'<w:styles {W}><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style></w:styles>',
        }
    )


def slides() -> bytes:
    def slide(title: str, text: str) -> str:
        shape = '<p:sp><p:nvSpPr><p:nvPr><p:ph type="{}"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:txBody></p:sp>'
        return f"<p:sld {P} {A}>{shape.format('body', text)}{shape.format('title', title)}</p:sld>"

    relation = '<Relationship Id="{}" Target="{}"/>'
    return packed(
        {
            "ppt/presentation.xml": f'<p:presentation {P} {R}><p:sldIdLst><p:sldId id="1" r:id="r2"/><p:sldId id="2" r:id="r1"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": f"<Relationships {RELATIONS}>{relation.format('r1', 'slides/slide1.xml')}{relation.format('r2', 'slides/slide2.xml')}</Relationships>",
            "ppt/slides/slide1.xml": slide("Second", "Later"),
            "ppt/slides/slide2.xml": slide("First", "Sooner"),
        }
    )


def sheet() -> bytes:
    rows = "<row r='1'><c r='A1' t='inlineStr'><is><t>Tent</t></is></c><c r='B1' t='inlineStr'><is><t>Price</t></is></c></row><row r='2'><c r='A2' t='inlineStr'><is><t>Fjord</t></is></c><c r='B2'><v>249</v></c></row>"
    return packed(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook {S} {R}><sheets><sheet name="Prices" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f"<worksheet {S}><sheetData>{rows}</sheetData></worksheet>",
        }
    )


def epub() -> bytes:
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
            "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="b" href="b.xhtml"/><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
            "OPS/a.xhtml": "<html><body><h1>One</h1><p>The beginning.</p></body></html>",
            "OPS/b.xhtml": "<html><body><h1>Two</h1><p>The end.</p></body></html>",
        }
    )


def open_text() -> bytes:
    names = 'xmlns:office="urn:o" xmlns:text="urn:t"'
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f'<office:document-content {names}><office:body><text:h text:outline-level="2">Tents</text:h><text:p>The Fjord weighs 1.8 kg.</text:p></office:body></office:document-content>',
        }
    )


def pdf(*pages: str, more: bytes = b"", outline: Sequence[str] = ()) -> bytes:
    """A small PDF with a page for each text; an empty one has a picture's place and no text. The bookmarks of the
    outline point to one page each."""
    parts: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj 0 -16 Td " for line in text.split("\n") if line)
        stream = f"BT /F1 12 Tf 72 720 Td {lines}ET".encode("latin-1") if text else b"0 0 100 100 re f"
        kids.append(f"{len(parts) + 1} 0 R")
        parts.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(parts) + 2} 0 R /Resources << /Font "
            "<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode()
        )
        parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    if outline:
        first = len(parts) + 2
        parts[0] = b"<< /Type /Catalog /Pages 2 0 R /Outlines %d 0 R >>" % (first - 1)
        last = first + len(outline) - 1
        parts.append(
            b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>" % (first, last, len(outline))
        )
        for number, title in enumerate(outline):
            following = f" /Next {first + number + 1} 0 R" if first + number < last else ""
            place = f"/Parent {first - 1} 0 R /Dest [{kids[number]} /Fit]{following}"
            parts.append(f"<< /Title ({title}) {place} >>".encode())
    parts[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (len(parts) + 1, more, start)
    return bytes(out)


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.org", "bo@example.org", "Tents"
    message.set_content("The Fjord weighs 1.8 kg.")
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="list.pdf")
    return message.as_bytes()


def notebook() -> bytes:
    cells = [
        {"cell_type": "markdown", "source": ["# Weights\n", "In kilograms."]},
        {
            "cell_type": "code",
            "source": "print(1.8)",
            "outputs": [{"output_type": "stream", "text": ["1.8\n"]}],
        },
    ]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


HTML = (
    b"<!doctype html><html><head><title>Shop &amp; more</title><style>p{}</style></head><body><nav>Menu</nav>"
    b"<h1>Tents</h1><script>alert(1)</script><p>The Fjord weighs <b>1.8</b> kg.</p><ul><li>green</li></ul>"
    b"<table><tr><th>Tent</th><th>Price</th></tr><tr><td>Fjord</td><td>249</td></tr></table></body></html>"
)
