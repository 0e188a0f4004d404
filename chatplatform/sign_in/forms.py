"""What people type to come in, and about how they come in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatplatform.accounts.models import User

# long enough for any phrase, short enough to hash
PASSWORD_CHARS = 256


class SignInForm(forms.Form):
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    password = forms.CharField(label=gettext_lazy("Password"), max_length=PASSWORD_CHARS, strip=False)


class AddressForm(forms.Form):
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)


class CodeForm(forms.Form):
    code = forms.CharField(label=gettext_lazy("Code"), max_length=20)


class PasswordForm(forms.Form):
    """The password of somebody who is signed in, to be sure it is they."""

    password = forms.CharField(label=gettext_lazy("Password"), max_length=PASSWORD_CHARS, strip=False)


class NewPasswordForm(forms.Form):
    """A password that passes settings.AUTH_PASSWORD_VALIDATORS, typed twice."""

    password = forms.CharField(label=gettext_lazy("New password"), max_length=PASSWORD_CHARS, strip=False)
    again = forms.CharField(label=gettext_lazy("Once more"), max_length=PASSWORD_CHARS, strip=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self._user)
        return password

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if "password" in values and "again" in values and values["password"] != values["again"]:
            raise ValidationError({"again": _("The two are not the same.")})
        return values
