"""What tools say is turned into a cause and a cure."""

from __future__ import annotations

import pytest

from chatplatform.installation.failures import explain

NO_NAME = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk_full",
        ),
        (f"WARNING: Retrying after connection broken by 'NewConnectionError({NO_NAME})'", "no_network"),
        ("Max retries exceeded with url: /simple/django/", "no_network"),
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "wrong_hash"),
        ("CMake Error: CMAKE_CXX_COMPILER not set, after EnableLanguage", "no_compiler"),
        ("  No CMAKE_C_COMPILER could be found.", "no_compiler"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "out_of_memory"),
        ("ERROR: [Errno 13] Permission denied: '/usr/lib/python3'", "no_permission"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no_release"),
        ("ninja: build stopped: subcommand failed.\nERROR: Failed building wheel for x", "build_failed"),
    ],
)
def test_known_signs(output: str, code: str) -> None:
    failure = explain(f"Collecting something\n{output}\n", 1)
    assert failure.code == code
    assert failure.cause.endswith(".")
    assert failure.cure


def test_the_plain_cause_wins_over_what_it_brought_about() -> None:
    full_disk = (
        "fatal error: error writing to /tmp/x.s: No space left on device\nERROR: Failed building wheel"
    )
    assert explain(full_disk, 1).code == "disk_full"
    offline = f"{NO_NAME} NameResolutionError\nERROR: No matching distribution found for django==5.2.19"
    assert explain(offline, 1).code == "no_network"


def test_an_index_that_shows_nothing_is_taken_for_one_that_is_out_of_reach() -> None:
    output = "ERROR: Could not find a version that satisfies the requirement nh3==0.3.8 (from versions: none)"
    assert explain(output, 1).code == "no_network"


def test_a_killed_tool_ran_out_of_memory() -> None:
    assert explain("", -9).code == "out_of_memory"


def test_the_unknown_is_quoted() -> None:
    failure = explain("Collecting x\nERROR: the moon is full\nnote: run again\n", 2)
    assert failure.code == "unknown"
    assert "the moon is full" in failure.cause


def test_only_causes_that_pass_by_themselves_are_tried_again() -> None:
    assert explain("Network is unreachable", 1).is_passing
    assert not explain("DO NOT MATCH THE HASHES", 1).is_passing
