"""A pytest plugin: a skip that is not on the reviewed list (skips.toml) fails the run.

A skipped test proves nothing, and a suite that skips quietly looks like one that passes.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

LIST = tomllib.loads((Path(__file__).parent / "skips.toml").read_text())["skip"]


class UnreviewedSkips:
    """Notes what was skipped; fails the session at its end where the list does not permit it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    def _note(self, test: str, shown: object) -> None:
        reason = str(shown[2] if isinstance(shown, tuple) else shown).removeprefix("Skipped: ")
        if not is_reviewed(test, reason):
            self.found.append(f"{test}: {reason}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.found and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.found:
            terminalreporter.write_line(f"skipped, and not on the list in tests/skips.toml: {line}", red=True)


def is_reviewed(test: str, reason: str) -> bool:
    """Whether the list permits this skip."""
    return any(
        test.partition("::")[0] == entry["test"] and reason.startswith(entry["reason"]) for entry in LIST
    )


def pytest_configure(config: pytest.Config) -> None:
    # workers of xdist report to the process that started them
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(UnreviewedSkips(), "unreviewed-skips")
