"""Models whose rows can be added and read, and nothing else. Triggers in the database say the same again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from django.db import models

ModelT = TypeVar("ModelT", bound=models.Model, covariant=True)


class AppendOnlyViolation(RuntimeError):
    """Code tried to change or delete a row of an append-only table. A defect, or worse."""


def _refuse(*args: object, **kwargs: object) -> NoReturn:
    raise AppendOnlyViolation("rows of the audit log cannot be changed or deleted")


class AppendOnlyQuerySet(models.QuerySet[ModelT]):
    """A query set without a way to change or delete."""

    update = _refuse
    aupdate = _refuse
    delete = _refuse
    adelete = _refuse
    _raw_delete = _refuse
    bulk_update = _refuse
    abulk_update = _refuse
    update_or_create = _refuse
    aupdate_or_create = _refuse

    def bulk_create(self, objs: Iterable[ModelT], *args: Any, **kwargs: Any) -> list[ModelT]:
        """As Django's, without its options that would replace rows."""
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            _refuse()
        return super().bulk_create(objs, *args, **kwargs)


class AppendOnlyManager(models.Manager[ModelT]):
    """A manager without a way to change or delete. Each model declares its own, so that its rows have their type."""

    _queryset_class = AppendOnlyQuerySet


class AppendOnlyModel(models.Model):
    """Base of append-only tables: `save` inserts, and only once."""

    objects: ClassVar[AppendOnlyManager[Self]] = AppendOnlyManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse()
