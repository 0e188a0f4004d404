"""Secrets that a first start makes: signing key, engine token, master key. Each a file with mode 0600."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from chatplatform.environment.variables import Environment


def secrets_dir(environment: Environment) -> Path:
    return environment.data_dir.resolve() / "secrets"


def master_key_path(environment: Environment) -> Path:
    return (environment.master_key_file or secrets_dir(environment) / "master.key").resolve()


def read_secret(path: Path) -> str:
    """The file's text without white space at its ends, or the empty string when there is no file."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def ensure_secrets(environment: Environment) -> None:
    """Make what is missing, and the folder of the key store. Never replaces a secret; several may call it at once.

    Raises OSError when the data folder cannot be written.
    """
    folder = secrets_dir(environment)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (environment.data_dir.resolve() / "keys").mkdir(exist_ok=True, mode=0o700)
    if not environment.secret_key:
        _create(folder / "secret.key", secrets.token_urlsafe(48))
    if not environment.engine_token:
        _create(folder / "engine.token", secrets.token_urlsafe(32))
    if not environment.master_key:
        _create(master_key_path(environment), base64.b64encode(secrets.token_bytes(32)).decode())


def _create(path: Path, text: str) -> None:
    """Write `text` to a new file, whole or not at all; whoever comes second keeps the first one's."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
