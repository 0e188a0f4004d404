"""Every text that people see is translated."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation import get_supported_language_variant, gettext, override

from chatplatform.web.translations import LANGUAGES, Translations


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_are_complete(language: str) -> None:
    problems = Translations(settings.BASE_DIR).problems(language)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("wish", ["zh-hans", "zh-cn", "zh-sg", "zh"])
def test_they_are_found_by_django(wish: str) -> None:
    with override(get_supported_language_variant(wish)):
        assert gettext("New chat") == "新对话"


@pytest.fixture
def project(tmp_path: Path) -> Translations:
    (tmp_path / "chatplatform").mkdir()
    (tmp_path / "chatplatform" / "code.py").write_text(
        'def greet(n):\n    return ngettext("%(n)d word", "%(n)d words", n), _("Hello {name}")\n'
    )
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        '<p>{% translate "Page" %}</p>\n  {% blocktranslate with n=x %}In {{ n }}{% endblocktranslate %}'
    )
    made = Translations(tmp_path)
    made.update("zh_Hans")
    return made


def fill(project: Translations, translated: dict[str, str]) -> None:
    path = project.po_path("zh_Hans")
    text = path.read_text()
    for source, target in translated.items():
        for field in ("msgstr", "msgstr[0]"):
            for between in ("", 'msgid_plural "%(n)d words"\n'):
                before = f'msgid "{source}"\n{between}{field} ""'
                text = text.replace(before, before[:-2] + f'"{target}"')
    path.write_text(text)


GOOD = {"%(n)d word": "%(n)d 个词", "Hello {name}": "你好 {name}", "Page": "页面", "In %(n)s": "%(n)s 后"}


def test_code_and_templates_are_searched(project: Translations) -> None:
    assert project.po_path("zh_Hans").read_text().count("\nmsgid ") == 5  # with the header
    assert len(project.problems("zh_Hans")) == 5  # four texts, and no compiled file


def test_complete(project: Translations) -> None:
    fill(project, GOOD)
    project.compile("zh_Hans")
    assert project.problems("zh_Hans") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Page": ""}, "not translated: 'Page'"),
        ({"Hello {name}": "你好"}, "other placeholders"),
        ({"In %(n)s": "%(m)s 后"}, "other placeholders"),
        ({"%(n)d word": "词"}, "other placeholders"),
    ],
)
def test_mistakes_are_found(project: Translations, change: dict[str, str], words: str) -> None:
    fill(project, GOOD | change)
    project.compile("zh_Hans")
    assert [problem for problem in project.problems("zh_Hans") if words in problem]


def test_new_and_gone_texts_are_found(project: Translations) -> None:
    fill(project, GOOD)
    project.compile("zh_Hans")
    page = project.root / "templates" / "page.html"
    page.write_text('{% translate "Other page" %}')
    problems = project.problems("zh_Hans")
    assert "missing: 'Other page'" in problems
    assert "not in the sources any more: 'Page'" in problems


def test_an_old_compiled_file_is_found(project: Translations) -> None:
    project.compile("zh_Hans")
    fill(project, GOOD)
    assert any("older" in problem for problem in project.problems("zh_Hans"))


def test_extracting_again_changes_nothing(project: Translations) -> None:
    fill(project, GOOD)
    project.update("zh_Hans")
    before = project.po_path("zh_Hans").read_text()
    project.update("zh_Hans")
    assert project.po_path("zh_Hans").read_text() == before
    assert "你好 {name}" in before
