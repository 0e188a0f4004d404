"""The parts of an installation: each a locked set of packages that is installed as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent.parent / "requirements"
LLAMA_PACKAGE = "llama-cpp-python"
TORCH_VERSION = "2.13.0"
# torch stays out of the locks: its CPU and CUDA builds have different hashes under one version.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True, slots=True)
class Part:
    """`proof` is a module whose import shows that the part works; `needs_bytes` the free disk it asks for."""

    name: str
    title: str
    needs_bytes: int
    proof: str

    @property
    def lock(self) -> Path | None:
        """The file of locked requirements, or None for a part that has none."""
        return None if self.name == "torch" else REQUIREMENTS / f"{self.name}.txt"


PARTS = {
    part.name: part
    for part in (
        Part("base", "Web and jobs", 400_000_000, "django"),
        Part("llm", "Engine for language models", 1_500_000_000, "llama_cpp"),
        Part("torch", "PyTorch for the encoder", 1_800_000_000, "torch"),
        Part("encoder", "Engine for embeddings", 600_000_000, "transformers"),
        Part("chroma", "Chroma server", 600_000_000, "chromadb_rust_bindings"),
        Part("dev", "Development tools", 600_000_000, "pytest"),
    )
}
