"""Remembers when each session was last used, at most once a minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from chatplatform.accounts.person import person_of
from chatplatform.sign_in.sessions import note_use, printable

_EVERY_S = 60.0
_REMEMBERED = 10_000


class SessionActivityMiddleware:
    """After PersonMiddleware. What this process noted is kept in memory, so that most requests write nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._noted: OrderedDict[str, float] = OrderedDict()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # allauth keeps it as it comes when somebody signs in
        request.META["HTTP_USER_AGENT"] = printable(request.META.get("HTTP_USER_AGENT", ""))
        person = person_of(request)
        key = request.session.session_key
        if person is not None and key is not None and self._is_due(key):
            note_use(request, person.user)
        return self.get_response(request)

    def _is_due(self, key: str) -> bool:
        moment = time.monotonic()
        if self._noted.get(key, -_EVERY_S) > moment - _EVERY_S:
            return False
        self._noted[key] = moment
        self._noted.move_to_end(key)
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)
        return True
