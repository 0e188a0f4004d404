"""One-time codes from an authenticator app (TOTP), and the recovery codes beside them."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import generate_totp_secret, validate_totp_code
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import User
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.errors import Conflict, InvalidInput
from chatplatform.privacy.content import ContentUnreadable
from chatplatform.sign_in.audit_events import CODES_OFF, CODES_ON, RECOVERY_CODES_MADE
from chatplatform.sign_in.limits import CODE_ONCE, count
from chatplatform.sign_in.sealing import seal, unseal
from chatplatform.sign_in.sessions import workspace_of

__all__ = ["are_on", "codes_left", "make_recovery_codes", "new_secret", "turn_off", "turn_on", "use_code"]

_TOTP = Authenticator.Type.TOTP
_RECOVERY = Authenticator.Type.RECOVERY_CODES


def are_on(user: User) -> bool:
    """Whether signing in by password asks this person for a code."""
    return bool(Authenticator.objects.filter(user=user, type=_TOTP).exists())


def new_secret() -> str:
    """A secret for an authenticator app, in base 32."""
    secret: str = generate_totp_secret()
    return secret


def turn_on(user: User, secret: str, code: str, *, actor: Actor) -> list[str]:
    """Ask for codes from now on; gives the recovery codes, which are shown this once.

    Raises InvalidInput for a code that is not the secret's, and Conflict when codes are on already.
    """
    if not validate_totp_code(secret, code):
        raise InvalidInput(
            "sign_in.code_wrong", _("This code is not right. Wait for the next one and try again.")
        )
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if are_on(user):
            raise Conflict("sign_in.codes_on_already", _("One-time codes are on already."))
        Authenticator.objects.create(user=user, type=_TOTP, data={"secret": seal(user.id, secret)})
        _record(CODES_ON, user, actor)
        codes = _fresh_recovery_codes(user, actor)
    _is_first_use(user, code)  # what turned it on signs nobody in
    return codes


def turn_off(user: User, *, actor: Actor) -> None:
    """Ask for no codes any more; the recovery codes go with them."""
    with transaction.atomic():
        gone, _by_model = Authenticator.objects.filter(user=user, type__in=(_TOTP, _RECOVERY)).delete()
        if gone:
            _record(CODES_OFF, user, actor)


def make_recovery_codes(user: User, *, actor: Actor) -> list[str]:
    """New recovery codes in place of the old ones; raises Conflict while one-time codes are off."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if not are_on(user):
            raise Conflict("sign_in.codes_off", _("Turn one-time codes on first."))
        return _fresh_recovery_codes(user, actor)


def codes_left(user: User) -> int:
    """How many recovery codes were not used yet."""
    row = Authenticator.objects.filter(user=user, type=_RECOVERY).first()
    return len(_checked(row).wrap().get_unused_codes()) if row else 0


def use_code(user: User, code: str) -> Authenticator | None:
    """The authenticator that this code belongs to, or None. Each code works once, in whichever process."""
    totp = Authenticator.objects.filter(user=user, type=_TOTP).first()
    if totp is not None and validate_totp_code(unseal(_checked(totp).data["secret"])[1], code):
        return totp if _is_first_use(user, code) else None
    recovery = Authenticator.objects.filter(user=user, type=_RECOVERY).first()
    if recovery is not None and _checked(recovery).wrap().validate_code(code):
        return recovery
    return None


def _checked(row: Authenticator) -> Authenticator:
    """Raises ContentUnreadable when the secret is another person's, put here by who can write to the database."""
    sealed = row.data["secret" if row.type == _TOTP else "seed"]
    if unseal(sealed)[0] != row.user_id:
        raise ContentUnreadable
    return row


def _is_first_use(user: User, code: str) -> bool:
    digits = "".join(character for character in code if character.isalnum())
    return not count(CODE_ONCE, f"{user.pk}:{digits}").is_over


def _fresh_recovery_codes(user: User, actor: Actor) -> list[str]:
    Authenticator.objects.filter(user=user, type=_RECOVERY).delete()
    sealed = seal(user.id, RecoveryCodes.generate_seed())
    row = Authenticator.objects.create(user=user, type=_RECOVERY, data={"seed": sealed, "used_mask": 0})
    codes: list[str] = row.wrap().get_unused_codes()
    _record(RECOVERY_CODES_MADE, user, actor)
    return codes


def _record(event: object, user: User, actor: Actor) -> None:
    record(
        event,  # type: ignore[arg-type]
        actor=actor,
        workspace_id=workspace_of(user),
        target=Target("person", str(user.id)),
    )
