"""Chroma's own server, in this process: loopback only, for it knows no password."""

from __future__ import annotations

import importlib
import json
import os
import signal
from pathlib import Path

LISTEN_ADDRESS = "127.0.0.1"


def run_chroma(folder: Path, port: int) -> None:
    """Serve the vectors in `folder` until killed. Raises ImportError when Chroma is not installed."""
    chroma = importlib.import_module("chromadb_rust_bindings")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = folder / "server.yaml"
    # JSON is YAML; a string in it needs no quoting of our own
    config.write_text(
        json.dumps(
            {
                "port": port,
                "listen_address": LISTEN_ADDRESS,
                "persist_path": str(folder),
                "allow_reset": False,
            }
        )
    )
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    # the server blocks in native code, where Python's handlers never run
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _silence_standard_output()
    chroma.cli(["chroma", "run", str(config)])


def _silence_standard_output() -> None:
    """Its banner says nothing that the log needs; errors come on the other stream."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
