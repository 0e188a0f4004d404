"""Why a step of the set-up failed, and what to do: read out of what the tools said."""

from __future__ import annotations

import re
from dataclasses import dataclass


def _(text: str) -> str:
    """Marks a sentence for translation: whoever shows it translates it."""
    return text


@dataclass(frozen=True, slots=True)
class Failure:
    """`code` is stable, for programs; `cause` and `cure` are sentences for people.

    `is_passing` tells that trying again later, without anybody's help, may succeed.
    """

    code: str
    cause: str
    cure: str
    is_passing: bool = False


class InstallationError(Exception):
    """A step of the set-up failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


NO_COMPILER = Failure(
    "no_compiler",
    _("There is no C++ compiler, and no ready-made wheel could be fetched."),
    _(
        "Install a compiler and run again. Debian and Ubuntu: sudo apt-get install build-essential python3-dev; "
        "Fedora: sudo dnf install gcc-c++ python3-devel; macOS: xcode-select --install."
    ),
)
DISK_FULL = Failure(
    "disk_full", _("The disk is full."), _("Free some space and run again: it goes on where it stopped.")
)
NO_NETWORK = Failure(
    "no_network",
    _("The package index cannot be reached."),
    _(
        "Check the network and run again. Behind a proxy set HTTPS_PROXY; with a mirror of your own PIP_INDEX_URL."
    ),
    is_passing=True,
)
EMPTY_INDEX = Failure(
    NO_NETWORK.code,
    _("The package index cannot be reached, or has nothing for this Python and system."),
    NO_NETWORK.cure,
    is_passing=True,
)
CERTIFICATE = Failure(
    "certificate",
    _("The package index shows a certificate that this machine does not trust."),
    _("Check the clock. Behind a proxy that inspects traffic, set PIP_CERT to its certificate file."),
)
WRONG_HASH = Failure(
    "wrong_hash",
    _("A package differs from the one that was locked, so it was not installed."),
    _("Run again; if it stays so, the index or a proxy alters packages: use another index."),
)
OUT_OF_MEMORY = Failure(
    "out_of_memory",
    _("The machine ran out of memory while it compiled."),
    _("Close other programs, or compile with fewer processes: CMAKE_BUILD_PARALLEL_LEVEL=1 make run."),
)
NO_PERMISSION = Failure(
    "no_permission",
    _("A file or folder of the installation cannot be written."),
    _("Give the folder to the user who runs this (chown), or run as its owner."),
)
NO_RELEASE = Failure(
    "no_release",
    _("The package index has no release of a package for this Python and system."),
    _("Use Python 3.11, 3.12 or 3.13 on Linux or macOS, and check that the index is complete."),
)
BUILD_FAILED = Failure(
    "build_failed",
    _("The compiler could not build llama.cpp."),
    _("Read the compiler's message above; a newer compiler (GCC 11, Clang 14 or later) helps most often."),
)
BROKEN_PACKAGE = Failure(
    "broken_package",
    _("A package was installed but does not load on this machine."),
    _("Delete the folder .venv and run again. If it stays so, report the message above."),
)

# The first that matches counts: the plain causes stand before the ones that they bring about.
_SIGNS: tuple[tuple[str, Failure], ...] = (
    (r"No space left on device|Errno 28|Disk quota exceeded", DISK_FULL),
    (r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError", CERTIFICATE),
    (r"DO NOT MATCH THE HASHES|Hashes are required", WRONG_HASH),
    (
        r"Killed signal terminated program|virtual memory exhausted|Cannot allocate memory|MemoryError",
        OUT_OF_MEMORY,
    ),
    (
        r"CMAKE_C(?:XX)?_COMPILER.*(?:not set|could (?:not )?be found|not a full path)",
        NO_COMPILER,
    ),
    (r"Permission denied|Errno 13|Read-only file system", NO_PERMISSION),
    (
        r"NameResolutionError|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|Max retries exceeded"
        r"|Temporary failure in name resolution|Network is unreachable|Connection refused|ProxyError"
        r"|getaddrinfo failed|Name or service not known|Connection (?:reset|aborted)|Read timed out",
        NO_NETWORK,
    ),
    (r"from versions: none", EMPTY_INDEX),
    (r"No matching distribution found|Could not find a version that satisfies", NO_RELEASE),
    (
        r"Failed building wheel|CMake (?:build|configuration) failed|ninja: build stopped|Failed to build",
        BUILD_FAILED,
    ),
)


def explain(output: str, returncode: int) -> Failure:
    """The failure that a tool's `output` (its last lines) and exit status tell of."""
    for pattern, failure in _SIGNS:
        if re.search(pattern, output):
            return failure
    if returncode in {-9, 137}:
        return OUT_OF_MEMORY
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error", "fatal"))]
    said = (errors or lines or [f"it ended with status {returncode}"])[-1]
    return Failure(
        "unknown", f"A step failed: {said[:300]}", "Run again; if it stays so, report this message."
    )


def disk_too_small(folder: str, needed_bytes: int, free_bytes: int) -> Failure:
    return Failure(
        DISK_FULL.code,
        f"{folder} has {free_bytes / 1e9:.1f} GB free; this step needs {needed_bytes / 1e9:.1f} GB.",
        DISK_FULL.cure,
    )
