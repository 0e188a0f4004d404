"""Keeps the key store in its own database: its models live in the alias `keys` and nothing else does."""

from __future__ import annotations

from typing import Any

from django.db import models

KEY_STORE = "keys"
_APP = "privacy"
_MODELS = frozenset({"datakey", "masterkey"})


class KeyStoreRouter:
    """settings.DATABASE_ROUTERS names it."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        return KEY_STORE if _is_key_model(model._meta.app_label, model._meta.model_name) else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        return self.db_for_read(model, **hints)

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool | None:
        kinds = {_is_key_model(row._meta.app_label, row._meta.model_name) for row in (one, other)}
        return False if len(kinds) > 1 else None

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        return _is_key_model(app_label, model_name) == (db == KEY_STORE)


def _is_key_model(app_label: str, model_name: str | None) -> bool:
    return app_label == _APP and model_name in _MODELS
