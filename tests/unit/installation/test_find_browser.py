"""The browser for the browser tests."""

from __future__ import annotations

import pytest

from chatplatform.installation.browser import find_browser
from chatplatform.installation.failures import InstallationError


def test_an_installed_one_is_found() -> None:
    found = find_browser({}, which={"chromium": "/usr/bin/chromium"}.get, exists=lambda path: True)
    assert found == "/usr/bin/chromium"


def test_the_named_one_counts_alone() -> None:
    with pytest.raises(InstallationError):
        find_browser(
            {"CHROMIUM": "/opt/none"},
            which={"chromium": "/usr/bin/chromium"}.get,
            exists=lambda path: path != "/opt/none",
        )


def test_none_says_how_to_get_one() -> None:
    with pytest.raises(InstallationError) as caught:
        find_browser({}, which=lambda name: None, exists=lambda path: False)
    assert "apt-get install chromium" in caught.value.failure.cure
