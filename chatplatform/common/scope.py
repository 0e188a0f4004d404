"""The workspace scope: every query of tenant data runs inside one, and a model manager without one raises.

A scope is a context variable, so it follows `await` and `sync_to_async`, and ends where its block ends.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar

from django.db import models

from chatplatform.common.open_scope import (
    NoScope,
    WrongScope,
    all_workspaces,
    current_workspace_id,
    sees_all_workspaces,
    workspace_scope,
)

__all__ = [
    "NoScope",
    "ScopedManager",
    "ScopedModel",
    "WrongScope",
    "all_workspaces",
    "current_workspace_id",
    "workspace_scope",
]

ModelT = TypeVar("ModelT", bound=models.Model, covariant=True)


class ScopedManager(models.Manager[ModelT]):
    """Manager of a model with a `workspace_id`; filters by the open scope and raises without one."""

    def get_queryset(self) -> models.QuerySet[ModelT]:
        queryset = super().get_queryset()
        if sees_all_workspaces():
            return queryset
        try:
            return queryset.filter(workspace_id=current_workspace_id())
        except NoScope:
            raise NoScope(f"{self.model.__name__} was queried outside a workspace scope") from None


class ScopedModel(models.Model):
    """A tenant's row. `base_manager_name` makes foreign keys go through the scope as well."""

    workspace_id = models.UUIDField(db_index=True)

    objects: ClassVar[ScopedManager[Self]] = ScopedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; raises WrongScope for a row of another workspace than the open one."""
        self._stay_in_scope()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """As Django's; raises WrongScope for a row of another workspace than the open one."""
        self._stay_in_scope()
        return super().delete(*args, **kwargs)

    def _stay_in_scope(self) -> None:
        if not sees_all_workspaces() and str(self.workspace_id) != str(current_workspace_id()):
            raise WrongScope(f"{type(self).__name__} of another workspace than the open one")
