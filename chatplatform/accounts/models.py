"""People, workspaces and how they belong together."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import ScopedManager, ScopedModel


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)

    def create_user(self, email: str, **fields: Any) -> User:
        """A person without a password: they sign in by a one-time link until they choose one."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_unusable_password()
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("Like the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    display_name = models.CharField(_("name"), max_length=150, blank=True)
    language = models.CharField(
        _("language"), max_length=16, blank=True, help_text=_("Empty: the browser's.")
    )
    theme = models.CharField(_("theme"), max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may open the raw records"), default=False)
    # part of what every session is checked against: a new value ends them all
    session_epoch = models.CharField(max_length=32, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        if not self.session_epoch:
            return super()._get_session_auth_hash(secret=secret)  # type: ignore[misc, no-any-return]
        salt = "chatplatform.accounts.models.User.session"
        value = f"{self.session_epoch}:{self.password}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()


class Workspace(models.Model):
    """A tenant: everything that people share lives in one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=150)
    created_at = models.DateTimeField(default=now, editable=False)


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMINISTRATOR = "administrator", _("Administrator")
    PROMPT_EDITOR = "prompt_editor", _("Prompt editor")
    SUPPORT_AGENT = "support_agent", _("Support agent")
    MEMBER = "member", _("Member")


class Membership(models.Model):
    """A person's place in a workspace. Suspended, it lets nobody in and keeps what it had.

    `public_id` is what addresses and services call it by.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(default=now, editable=False)
    suspended_at = models.DateTimeField(_("suspended since"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership")]


class Group(ScopedModel):
    """People who are treated alike: in audiences of assistants, in quotas, by single sign-on.

    `external_name` is the name that the identity provider gives this group; empty when it knows none.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    external_name = models.CharField(_("name at the identity provider"), max_length=255, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[Group]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint("workspace_id", Lower("name"), name="group_name_ci")]


class GroupMembership(ScopedModel):
    """One person in one group of the same workspace."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="places")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="group_places")
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[ScopedManager[GroupMembership]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["group", "membership"], name="group_member_once")]


class Invitation(ScopedModel):
    """A way into the workspace for somebody new. Only a hash of its token is kept.

    With an `email` it is for that address only; without, for whoever holds the link, once.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254, blank=True)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.MEMBER)
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ScopedManager[Invitation]] = ScopedManager()


class InvitationGroup(ScopedModel):
    """A group that an invitation leads into."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="group_places")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")

    objects: ClassVar[ScopedManager[InvitationGroup]] = ScopedManager()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["invitation", "group"], name="invitation_group_once")]


class ApiToken(ScopedModel):
    """A key for programs that acts as its person, within `scopes`. Only a hash is kept; `prefix` tells keys apart."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(max_length=16)
    token_hash = models.BinaryField(max_length=32, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ScopedManager[ApiToken]] = ScopedManager()


class SignInLink(models.Model):
    """A one-time way in. Only a hash of its token is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class AccessChange(models.Model):
    """Tells every web process to look again at a person's open sockets: they tail these rows.

    Written in the transaction of the change; holds ids only and is short-lived. Of no workspace, for a person
    who signs out or chooses another password leaves all of them.
    """

    user_id = models.UUIDField()
    created_at = models.DateTimeField(default=now, db_index=True)
