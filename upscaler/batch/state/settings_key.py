"""What decides how an output looks, beside its input; and in words, how two of that differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]
"""By name: `model` is the sha256 of its file, `size` what pictures become."""

_TITLE = "title"
"""What people call the model. A file under another name is the same model."""


_SWITCHES = {True: "on", False: "off", None: "off"}


@dataclass(frozen=True)
class SettingsKey:
    """What decides how an output looks, beside its input."""

    model: str
    """The sha256 of the model file."""
    settings: str
    """Everything, the model included: a JSON object, which the journal keeps."""
    earlier: str = ""
    """The sha256 that journals of earlier versions keep in its place."""

    @classmethod
    def of(cls, title: str, facts: Facts, earlier: str = "") -> "SettingsKey":
        """Return the key of some facts about a model that people call `title`."""
        return cls(facts["model"], json.dumps({_TITLE: title, **facts}, sort_keys=True), earlier)

    def agrees(self, kept: str) -> bool:
        """Whether the settings that a journal kept make the same output."""
        if kept in (self.settings, self.earlier):
            return True
        then = _facts(kept)
        return bool(then) and {**then, _TITLE: ""} == {**_facts(self.settings), _TITLE: ""}

    def compared(self, kept: str) -> tuple[str, str]:
        """Return what is different in a few words: as it was kept, and as it is here."""
        then, now = _facts(kept), _facts(self.settings)
        if not then:
            return "other options", "these"
        names = sorted(name for name in then | now if then.get(name) != now.get(name))
        if "model" in names and then[_TITLE] == now[_TITLE]:
            then[_TITLE] = f"another {then[_TITLE]}"
        return _in_words(then, names), _in_words(now, names)


def _facts(kept: str) -> dict[str, Any]:
    """Return what was kept, nothing if that is a sha256."""
    return dict(json.loads(kept)) if kept.startswith("{") else {}


def _in_words(facts: Facts, names: list[str]) -> str:
    words = [str(facts[_TITLE])] if "model" in names else []
    for name in names:
        value = facts.get(name)
        if name == "size":
            # a title such as fast-x2 says it already
            words += [] if words and words[0].endswith(f"-{value}") else [str(value)]
        elif name not in ("model", _TITLE):
            said = _SWITCHES.get(value, value) if isinstance(value, bool | None) else value
            words.append(f"{name} {said}")
    return ", ".join(words)
