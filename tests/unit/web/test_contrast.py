"""The colours of the design tokens can be read: WCAG 2.2 contrast, in both schemes."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

TOKENS = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", TOKENS.split("@media")[0]
    )
}
SCHEMES = {"light": 0, "dark": 1}
TEXT = 4.5
PARTS = 3.0
PAIRS = [
    *(
        (ink, ground, TEXT)
        for ink in ("ink", "muted", "accent", "danger")
        for ground in ("paper", "sunken", "raised")
    ),
    *((ink, ground, TEXT) for ink in ("ink", "muted") for ground in ("hover", "accent-soft")),
    ("ink", "danger-soft", TEXT),
    ("ink", "warning-soft", TEXT),
    ("danger", "danger-soft", TEXT),
    ("warning", "warning-soft", TEXT),
    ("accent-strong", "accent-soft", TEXT),
    ("accent-strong", "paper", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("on-danger", "danger", TEXT),
    ("paper", "ink", TEXT),
    *((name, "code-ground", TEXT) for name in COLOURS if name.startswith("code-") and name != "code-ground"),
    *((part, ground, PARTS) for part in ("edge", "accent") for ground in ("paper", "sunken", "raised")),
]


def luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("front", "ground", "wanted"), PAIRS)
def test_contrast(scheme: str, front: str, ground: str, wanted: float) -> None:
    at = SCHEMES[scheme]
    found = contrast(COLOURS[front][at], COLOURS[ground][at])
    assert found >= wanted, f"{front} on {ground} in {scheme}: {found:.2f}"


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
