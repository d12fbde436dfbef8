"""The settings of a diarization with a line of explanation each, as the dataclasses document themselves.

A setting is explained in its class, under "Attributes:" in the docstring or by a comment beside it; nothing is written
twice. `pysid diarize --show-settings` prints `explain`, and `python -m pysid.diarization.explain` docs/settings.md.
"""

import inspect
import json
import re
import types
import typing
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from pysid.config import to_plain
from pysid.diarization.config import DiarizationConfig

COMMENT = re.compile(r"^    (\w+): [^#\n]*#\s*(.+)$", re.MULTILINE)
ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*)$")


class Setting(NamedTuple):
    """A setting: its dotted name, its plain value, and what it is."""

    name: str
    value: Any
    text: str

    @property
    def shown(self) -> str:
        """The value as `--set` takes it."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


def explain(config: Any, prefix: str = "") -> Iterator[Setting]:
    """All settings of a configuration in their order, those of its groups in place of them.

    >>> from pysid.diarization.windows import WindowConfig
    >>> list(explain(WindowConfig(), "windows."))[1]
    Setting(name='windows.duration_s', value=1.5, text='of a window; at least 0.01.')
    """
    kind: type = type(config)
    texts, hints = explanations(kind), get_type_hints(kind)
    for field in fields(config):
        value, name = getattr(config, field.name), prefix + field.name
        if is_dataclass(value):
            yield from explain(value, f"{name}.")
        elif field.name == "kind":
            yield Setting(name, value, _summary(kind))
        else:
            text = texts.get(field.name, "")
            kinds = [group.kind for group in _groups(hints[field.name]) if hasattr(group, "kind")]
            if value is None and kinds:
                text += f" Now none; {name}.kind is one of: {', '.join(kinds)}."
            yield Setting(name, to_plain(value), text)


@cache
def explanations(kind: type) -> dict[str, str]:
    """{field: what it is}, on one line, by the docstrings of a dataclass and its bases and the comments in them."""
    found: dict[str, str] = {}
    for part in reversed([x for x in kind.__mro__ if is_dataclass(x)]):
        with suppress(OSError):  # of an installation without sources, where docstrings are all there is
            found |= {name: text.strip() for name, text in COMMENT.findall(inspect.getsource(part))}
        names: list[str] = []
        for line in inspect.getdoc(part).partition("Attributes:\n")[2].splitlines():  # type: ignore[union-attr]
            entry = ENTRY.match(line)
            if entry:
                names = entry[1].split(", ")
                found |= dict.fromkeys(names, entry[2])
            elif line.startswith("        "):
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
            else:
                names = []
    return found


def settings_page() -> str:
    """docs/settings.md: every setting of every kind, with the values of the model `default` or else the kind's own."""
    from pysid.diarization.files import load_config
    from pysid.model.speaker_model import SpeakerModel

    config, _ = load_config(SpeakerModel.load())
    return HEAD + "".join(_tables(DiarizationConfig, config, ""))


HEAD = """# Settings of diarization

Every setting that `pysid diarize --set NAME=VALUE`, `model.diarize(settings={NAME: VALUE})` and a model's
`diarization.json` have. A group of settings may be of several kinds; another kind is chosen with `GROUP.kind`, and then
has the values given for it here. `pysid diarize --show-settings` prints the settings that hold, those of another model
with `--model`.

    pysid diarize --show-settings
    pysid diarize meeting.wav --set windows.shift_s=0.5 --set clustering.kind=spectral

Names that end in `_s` are seconds. This page is made from the docstrings of the classes, by
`python -m pysid.diarization.explain > docs/settings.md`.
"""


def _tables(kind: type, config: Any, prefix: str) -> Iterator[str]:
    """A table of the plain settings, then one for each kind of each group."""
    hints, texts = get_type_hints(kind), explanations(kind)
    rows = []
    for field in fields(kind):
        name = prefix + field.name
        if field.name == "kind" or _is_group(hints[field.name]):
            continue
        value = getattr(config, field.name)
        shown = value if isinstance(value, str) else json.dumps(to_plain(value))
        rows.append(f"| `{name}` | `{shown}` | {_cell(texts.get(field.name, ''))} |\n")
    if rows:
        yield "\n| setting | value | what it is |\n|---|---|---|\n" + "".join(rows)
    for field in fields(kind):
        groups = _groups(hints[field.name])
        if not _is_group(hints[field.name]):
            continue
        name, value = prefix + field.name, getattr(config, field.name)
        yield f"\n{'#' * (2 + name.count('.'))} {name}\n"
        if texts.get(field.name):
            yield f"\n{_capital(texts[field.name])}\n"
        if value is None:
            yield f"\nNone by default; `--set {name}.kind=...` asks for one.\n"
        for group in groups:
            own = value if isinstance(value, group) else group()
            if len(groups) > 1 or hasattr(group, "kind"):
                default = ", the default" if isinstance(value, group) and len(groups) > 1 else ""
                yield f"\n**`{name}.kind={group.kind}`**{default}. {_summary(group)}\n"
            yield from _tables(group, own, f"{name}.")


def _groups(hint: Any) -> list[Any]:
    """The dataclasses that a field may hold."""
    options = get_args(hint) if get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return [option for option in options if is_dataclass(option)]


def _is_group(hint: Any) -> bool:
    return bool(_groups(hint))


def _summary(kind: type) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(settings_page(), end="")
