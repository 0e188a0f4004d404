"""Django application: Accounts."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class AccountsConfig(AppConfig):
    name = "chatplatform.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from chatplatform.accounts import access_changes as access_changes  # connects its receivers
        from chatplatform.accounts.row_security import after_migrate, before_migrate

        pre_migrate.connect(before_migrate, sender=self, dispatch_uid="accounts.row_security")
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="accounts.row_security")
