"""The browser for the browser tests: an installed one, for it is too large to be a package."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping

from chatplatform.installation.failures import Failure, InstallationError

SETTING = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
NO_BROWSER = Failure(
    "no_browser",
    "The browser tests need Chromium, and none was found.",
    "Debian and Ubuntu: sudo apt-get install chromium. Fedora: sudo dnf install chromium. macOS: brew install "
    f"--cask chromium. Elsewhere: {SETTING}=/path/to/chromium make test. Without a browser: make test-fast.",
)


def find_browser(
    environment: Mapping[str, str] | None = None,
    *,
    which: Callable[[str], str | None] = shutil.which,
    exists: Callable[[str], bool] = os.path.exists,
) -> str:
    """The path of a Chromium. Raises InstallationError with what to do when there is none."""
    values = os.environ if environment is None else environment
    wished = values.get(SETTING, "")
    places = [wished] if wished else [*(which(name) or "" for name in NAMES), *PLACES]
    for place in places:
        if place and exists(place):
            return place
    raise InstallationError(NO_BROWSER)
