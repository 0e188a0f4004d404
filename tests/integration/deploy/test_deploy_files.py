"""The files of deploy/ name settings, commands and files that exist, and their containers have no rights to spare."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from chatplatform.environment.variables import PREFIX, read_environment

DEPLOY = Path("deploy")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if "build" in one}
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FILLED = {"SITE_NAME": "chat.example.org", "MASTER_KEY": "", "METRICS_TOKEN": ""}


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    def fill(found: re.Match[str]) -> str:
        return FILLED.get(found[1], "secret")

    return {
        name: re.sub(r"\$\{(\w+)[^}]*\}", fill, str(value)) for name, value in service["environment"].items()
    }


def test_every_process_of_the_design_is_there() -> None:
    wanted = {"web1", "web2", "worker", "llm", "encoder", "chroma", "postgres", "redis", "rabbitmq", "proxy"}
    assert wanted <= COMPOSE["services"].keys()


@pytest.mark.parametrize("name", OURS)
def test_the_settings_exist_and_are_understood(name: str) -> None:
    environment = read_environment(settings_of(OURS[name]))
    assert environment.public_url == "https://chat.example.org"
    network = COMPOSE["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert environment.trusted_proxies == (network,)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_write_nowhere_else_and_have_no_rights(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert "ports" not in service


def test_only_the_proxy_is_open_to_the_world() -> None:
    assert [name for name, one in COMPOSE["services"].items() if "ports" in one] == ["proxy"]


def test_nobody_is_killed_before_the_work_is_handed_over() -> None:
    environment = read_environment(settings_of(OURS["web1"]))
    grace_s = int(OURS["web1"]["stop_grace_period"].removesuffix("s"))
    assert grace_s >= environment.drain_notice_s + environment.drain_s + 7


def test_commands_volumes_and_dependencies_exist() -> None:
    for name, service in COMPOSE["services"].items():
        if name in OURS and "command" in service:
            assert service["command"][0] in get_commands()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                # made by whoever installs it
                assert (DEPLOY / source).exists() or source == "./certificates"
            else:
                assert source in COMPOSE["volumes"]
        assert set(service.get("depends_on", ())) <= COMPOSE["services"].keys()


def test_the_secrets_that_compose_asks_for_are_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    offered = set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    assert asked == offered


def test_the_image_runs_without_root_and_copies_what_exists() -> None:
    assert re.findall(r"^USER (.+)$", CONTAINERFILE, re.MULTILINE) == ["10001:10001"]
    assert "--require-hashes" in CONTAINERFILE
    assert ":latest" not in CONTAINERFILE
    for sources in re.findall(r"^COPY (?!--from)(?:--chown=\S+ )?(.+) \S+$", CONTAINERFILE, re.MULTILINE):
        assert [source for source in sources.split() if not Path(source).exists()] == []
    for lock in re.findall(r"requirements/\w+\.txt", CONTAINERFILE):
        assert Path(lock).exists()
    read_environment(dict(re.findall(rf"({PREFIX}\w+)=(\S+)", CONTAINERFILE)))


def test_the_image_has_a_python_that_the_platform_runs_on() -> None:
    supported = tomllib.loads(Path("pyproject.toml").read_text())["project"]["requires-python"]
    assert supported == ">=3.11,<3.14"
    assert set(re.findall(r"python:(\d\.\d+)", CONTAINERFILE)) <= {"3.11", "3.12", "3.13"}


def test_data_and_secrets_never_enter_the_image() -> None:
    for name in (".containerignore", ".dockerignore"):
        assert {"data", ".git", ".venv"} <= set(Path(name).read_text().split())


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_start_commands_that_exist(unit: Path) -> None:
    text = unit.read_text()
    (command,) = re.findall(r"manage\.py (\w+)", text)
    assert command in get_commands()
    assert "NoNewPrivileges=yes" in text
    assert "User=chatplatform" in text


def test_the_units_example_names_settings_that_exist() -> None:
    lines = (DEPLOY / "systemd" / "environment.example").read_text().splitlines()
    read_environment(dict(line.split("=", 1) for line in lines if line and not line.startswith("#")))


def test_what_is_in_the_folder_is_explained() -> None:
    page = Path("docs/deploy.md").read_text()
    names = {path.name for path in DEPLOY.iterdir()}
    assert {name for name in names if f"deploy/{name}" not in page} == set()
