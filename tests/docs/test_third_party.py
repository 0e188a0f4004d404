"""docs/third-party.md lists every package that we ask for and every model, each under its own licence."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, metadata
from pathlib import Path

import pytest

from chatplatform.inference.model_files.catalogue import shipped

PAGE = Path("docs/third-party.md").read_text()
ROW = re.compile(r"^\| \[([^]]+)\]\((\S+)\) \|(.+)\|$", re.MULTILINE)

# What packages say of their licence in words or classifiers, where they give no SPDX expression. A family
# covers what a vague word may stand for; the page names the exact one, as the licence's text has it.
FAMILIES = {
    "bsd": {"BSD-2-Clause", "BSD-3-Clause"},
    "bsd-3-clause": {"BSD-3-Clause"},
    "bsd license": {"BSD-2-Clause", "BSD-3-Clause"},
    "bsd 2-clause license": {"BSD-2-Clause"},
    "bsd-3-clause, apache-2.0, dependency licenses": {"BSD-3-Clause AND Apache-2.0"},
    "mit": {"MIT"},
    "mit license": {"MIT"},
    "apache software license": {"Apache-2.0"},
}


def table(heading: str) -> dict[str, list[str]]:
    """The rows of a section's table: name, then the cells after it."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return {name: [cell.strip() for cell in cells.split("|")] for name, _, cells in ROW.findall(section)}


def asked_for(*parts: str) -> set[str]:
    lines = [line for part in parts for line in Path(f"requirements/{part}.in").read_text().splitlines()]
    names = [
        re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines if not line.startswith(("#", "-"))
    ]
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}


def stated_licences(package: str) -> set[str]:
    """The SPDX identifiers that the package's own metadata allow, by its expression or its words."""
    found = metadata(package)
    if "License-Expression" in found:
        return {found["License-Expression"]}
    words = [found["License"].split("\n")[0]] if "License" in found else []
    words += [
        c.split(" :: ")[-1] for c in found.get_all("Classifier") or [] if c.startswith("License :: OSI")
    ]
    if not words:
        words = [_first_line(package, name) for name in found.get_all("License-File") or []]
    possible = [FAMILIES[word.strip().lower()] for word in words if word.strip().lower() in FAMILIES]
    assert possible, f"{package} states its licence in new words: {words}"
    return set.union(*possible)


def _first_line(package: str, name: str) -> str:
    """Of a licence's text that the package ships, which is its title."""
    text = distribution(package).read_text(f"licenses/{name}") or "\n"
    return text.splitlines()[0]


def agrees(licence: str, package: str) -> bool:
    stated = stated_licences(package)
    return licence in stated or set(licence.split(" OR ")) <= stated


RUNNING = table("Packages that run")
DEVELOPMENT = table("Packages for development")


def test_every_package_that_runs_is_listed() -> None:
    # torch is asked for by the installer, for its builds differ
    assert set(RUNNING) == asked_for("base", "llm", "encoder", "chroma") | {"torch"}


def test_every_package_for_development_is_listed() -> None:
    assert set(DEVELOPMENT) == asked_for("dev")


@pytest.mark.parametrize("package", sorted(RUNNING | DEVELOPMENT))
def test_the_licence_is_the_one_that_the_package_states(package: str) -> None:
    try:
        metadata(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed here")
    assert agrees((RUNNING | DEVELOPMENT)[package][0], package), stated_licences(package)


def test_a_wrong_licence_would_be_noticed() -> None:
    assert not agrees("MIT", "django")
    assert not agrees("Apache-2.0", "celery")


def test_every_model_is_listed_with_publisher_and_licence() -> None:
    listed = {name: cells[:2] for name, cells in table("Models").items()}
    assert listed == {model.id: [model.publisher, model.licence] for model in shipped()}


def test_models_link_to_their_own_page() -> None:
    addresses = {name: address for name, address, _ in ROW.findall(PAGE)}
    assert all(addresses[model.id] == model.page for model in shipped())


def test_every_package_says_what_it_is_for() -> None:
    rows = RUNNING | DEVELOPMENT | table("Models")
    assert [name for name, cells in rows.items() if len(cells[-1].split()) < 1] == []
