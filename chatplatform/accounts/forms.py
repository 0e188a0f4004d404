"""What people type about themselves."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from chatplatform.accounts.models import User
from chatplatform.accounts.services import Profile

# each in its own tongue, so that whoever cannot read the page can still choose
OWN_NAMES = [("en", "English"), ("zh-hans", "简体中文")]


class ProfileForm(forms.Form):
    """Name, address and the look of the pages."""

    display_name = forms.CharField(label=_("Name"), max_length=150, required=False)
    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    language = forms.ChoiceField(
        label=_("Language"),
        choices=lambda: [("", _("Like the browser")), *OWN_NAMES],
        required=False,
    )
    theme = forms.ChoiceField(label=_("Theme"), choices=User.Theme.choices)

    def profile(self) -> Profile:
        """The cleaned values; call after `is_valid`."""
        values = self.cleaned_data
        return Profile(
            display_name=values["display_name"],
            email=User.objects.normalize_email(values["email"]),
            language=values["language"],
            theme=values["theme"],
        )
