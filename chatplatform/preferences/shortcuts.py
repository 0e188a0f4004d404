"""The keyboard shortcuts of the chat: what there is, how keys are written, and which are not ours to take.

Keys are written as modifiers and one key between plus signs, in lower case: `mod+shift+o`. `mod` is Ctrl, and the
command key on a Mac. The key is a letter, a digit, a sign, or a name of `KEY_NAMES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

KEY_CHARS = 40
MODIFIERS = ("mod", "alt", "shift")
KEY_NAMES = {
    "escape": _("Esc"),
    "enter": _("Enter"),
    "space": _("Space"),
    "arrowup": "↑",
    "arrowdown": "↓",
    "arrowleft": "←",
    "arrowright": "→",
    "home": _("Home"),
    "end": _("End"),
    "pageup": _("Page up"),
    "pagedown": _("Page down"),
    **{f"f{number}": f"F{number}" for number in range(1, 13)},
}
_TYPED = {
    "ctrl": "mod",
    "control": "mod",
    "cmd": "mod",
    "command": "mod",
    "⌘": "mod",
    "option": "alt",
    "⌥": "alt",
}
_TYPED_KEYS = {"esc": "escape", "return": "enter", "up": "arrowup", "down": "arrowdown", "↑": "arrowup"}
_TYPED_KEYS |= {
    "left": "arrowleft",
    "right": "arrowright",
    "↓": "arrowdown",
    "←": "arrowleft",
    "→": "arrowright",
}


@dataclass(frozen=True, slots=True)
class Shortcut:
    """`id` names the action for scripts. Without a modifier keys work outside of fields only."""

    id: str
    label: Promise
    keys: str


SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("palette", _("Open the command palette"), "mod+k"),
    Shortcut("shortcuts", _("Show the shortcuts"), "?"),
    Shortcut("new-chat", _("New chat"), "mod+shift+o"),
    Shortcut("search", _("Search the conversations"), "mod+shift+f"),
    Shortcut("sidebar", _("Show or hide the sidebar"), "mod+shift+s"),
    Shortcut("write", _("Go to the message field"), "shift+escape"),
    Shortcut("previous-chat", _("Conversation above"), "alt+shift+arrowup"),
    Shortcut("next-chat", _("Conversation below"), "alt+shift+arrowdown"),
    Shortcut("copy-answer", _("Copy the last answer"), "alt+shift+c"),
    Shortcut("regenerate", _("Answer again"), "alt+shift+r"),
    Shortcut("edit-question", _("Edit the last question"), "alt+shift+e"),
    Shortcut("latest", _("Go to the end of the conversation"), "alt+shift+l"),
)
BY_ID: Mapping[str, Shortcut] = {shortcut.id: shortcut for shortcut in SHORTCUTS}

# What browsers and fields do with these keys; taking them would be theft.
TAKEN = frozenset(
    {f"mod+{key}" for key in "acvxzytnwrlfgpsqhjdu+-0123456789"}
    | {f"mod+shift+{key}" for key in "tnwrijbdpz"}
    | {"f1", "f3", "f5", "f6", "f7", "f11", "f12", "mod+f5", "alt+arrowleft", "alt+arrowright", "alt+f4"}
    | {
        "enter",
        "space",
        "escape",
        "mod+enter",
        "shift+enter",
        "arrowup",
        "arrowdown",
        "arrowleft",
        "arrowright",
    }
    | {"home", "end", "pageup", "pagedown", "mod+home", "mod+end", "alt+d", "alt+enter"}
)


def parse_keys(text: str) -> str | None:
    """Keys as people type them, in our way of writing; the empty string for none, None for what are no keys."""
    text = text.strip().lower()
    if not text:
        return ""
    if len(text) > KEY_CHARS:
        return None
    # the key itself may be a plus sign: then it is the last letter
    before, _plus, key = (
        (text[:-1].rstrip().removesuffix("+"), "", "+") if text[-1] == "+" else text.rpartition("+")
    )
    key = key.strip()
    modifiers = [part.strip() for part in before.split("+")] if before.strip() else []
    modifiers = [_TYPED.get(each, each) for each in modifiers]
    key = _TYPED_KEYS.get(key, key)
    if not set(modifiers) <= set(MODIFIERS) or len(set(modifiers)) != len(modifiers):
        return None
    if key not in KEY_NAMES and not (len(key) == 1 and key.isprintable() and not key.isspace()):
        return None
    return "+".join([each for each in MODIFIERS if each in modifiers] + [key])


def shown_keys(keys: str) -> str:
    """Keys for a page that knows nothing of the reader's system."""
    if not keys:
        return ""
    before, _plus, key = (keys[:-1].removesuffix("+"), "", "+") if keys[-1] == "+" else keys.rpartition("+")
    modifiers = before.split("+") if before else []
    names = {"mod": "Ctrl", "alt": "Alt", "shift": "Shift"}
    return "+".join([*(names[each] for each in modifiers), str(KEY_NAMES.get(key, key.upper()))])
