"""How I like the chat to behave."""

from __future__ import annotations

from ninja import Field, Router, Schema

from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.documentation import READS_BODY, answers, example
from chatplatform.api.schemas import Body, Text
from chatplatform.preferences.services import Preferences, change_preferences, preferences_of, warnings_for

router = Router(tags=["Me"])
ACCESS = Access()


class PreferencesIn(Body):
    """All of them: an action that is not named has its default keys again."""

    shortcuts: dict[str, Text] = Field(
        {}, max_length=50, description="Keys by action, like `mod+shift+o`; empty for none."
    )
    shortcuts_on: bool = True
    notify: bool = Field(False, description="Tell me of answers that are ready while I look elsewhere.")


class PreferencesOut(Schema):
    """`warnings` names, by action, keys that browsers use themselves."""

    shortcuts: dict[str, str]
    shortcuts_on: bool
    notify: bool
    warnings: dict[str, str]


@router.get("me/preferences", response=answers(PreferencesOut), auth=ACCESS, summary="My preferences")
def get_preferences(request: ApiRequest) -> PreferencesOut:
    return _out(preferences_of(request.caller.id))


@router.put(
    "me/preferences",
    response=answers(PreferencesOut, errors=READS_BODY),
    auth=ACCESS,
    summary="Change my preferences",
    openapi_extra=example({"shortcuts": {"new-chat": "mod+shift+o"}, "shortcuts_on": True, "notify": False}),
)
def put_preferences(request: ApiRequest, body: PreferencesIn) -> PreferencesOut:
    wanted = Preferences(body.shortcuts, body.shortcuts_on, body.notify)
    caller = request.caller
    return _out(change_preferences(wanted, workspace_id=caller.workspace_id, actor=caller.actor))


def _out(found: Preferences) -> PreferencesOut:
    return PreferencesOut(
        shortcuts=dict(found.shortcuts),
        shortcuts_on=found.shortcuts_on,
        notify=found.notify,
        warnings=warnings_for(found.shortcuts),
    )
