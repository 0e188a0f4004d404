"""pip's lines become progress that only goes forward."""

from __future__ import annotations

from chatplatform.installation.failures import Failure
from chatplatform.installation.pip import PipOutput


class Seen:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float | None]] = []
        self.said: list[str] = []

    def step(self, detail: str, fraction: float | None = None) -> None:
        self.steps.append((detail, fraction))

    def say(self, line: str) -> None:
        self.said.append(line)

    def failed(self, failure: Failure) -> None:
        self.said.append(failure.code)


def read(*lines: str, packages: int = 2) -> list[tuple[str, float | None]]:
    seen = Seen()
    output = PipOutput(seen, packages=packages)
    for line in lines:
        output.line(line)
    return seen.steps


def test_packages_are_counted_once() -> None:
    steps = read("Collecting a==1 (from -r x)", "Collecting a==1 (from -r x)", "Processing ./b.whl", "Noise")
    assert [detail for detail, _ in steps] == ["Package 1 of 2", "Package 1 of 2", "Package 2 of 2"]


def test_compiling_is_followed_by_ninja_and_by_make() -> None:
    (ninja,) = read("  [12/240] Building CXX object ggml.o")
    (make,) = read("  [ 50%] Building CXX object ggml.o")
    assert ninja[0] == "Compiling 12 of 240"
    assert make[0] == "Compiling 50 of 100"
    assert make[1] is not None
    assert 0.2 < make[1] < 0.9


def test_progress_goes_forward() -> None:
    steps = read(
        "Collecting a==1",
        "Collecting b==1",
        "  [1/9] Building",
        "  [9/9] Linking",
        "Installing collected packages: a",
    )
    fractions = [fraction for _, fraction in steps if fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1
