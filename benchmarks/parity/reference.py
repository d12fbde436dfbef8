"""A folder of files that Kaldi's programs wrote, with the command behind each."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.io.kaldi.options import read_option_file


@dataclass(frozen=True)
class Command:
    """One Kaldi command: its options, those of a `--config` file first, and its other words."""

    program: str
    options: dict[str, str]
    arguments: tuple[str, ...]

    def archive(self, position: int = 0) -> str:
        """The path of the `position`-th argument that is an archive or a list of files."""
        return [a.split(":", 1)[1] for a in self.arguments if a.startswith(("ark:", "scp:"))][position]


@dataclass(frozen=True)
class Reference:
    """Files under `directory`; `commands.tsv` there has a line `path<TAB>command` for each."""

    directory: Path

    @cached_property
    def commands(self) -> dict[str, str]:
        """The command, as for a shell, behind each file; only files that exist."""
        lines = (self.directory / "commands.tsv").read_text().splitlines()
        commands = dict(line.split("\t", 1) for line in lines)
        return {path: command for path, command in commands.items() if (self.directory / path).exists()}

    def path(self, name: str) -> Path:
        return self.directory / name

    def parse(self, text: str | Sequence[str]) -> Command:
        """A command from its text or its words; for a script, the program is the script's name."""
        program, *words = shlex.split(text) if isinstance(text, str) else text
        if program == "python3":
            program = Path(words.pop(0)).name
        options: dict[str, str] = {}
        arguments = []
        for word in words:
            name, _, value = word.removeprefix("--").partition("=")
            if not word.startswith("--"):
                arguments.append(word)
            elif name == "config":
                options |= read_option_file(self.path(value))
            else:
                options[name] = value
        return Command(program, options, tuple(arguments))

    def pipeline(self, text: str) -> list[Command]:
        """The commands of a pipe `a | b`; text in quotes, or behind `ark:`, counts as that pipe itself."""
        words = shlex.split(text.removeprefix("ark:").rstrip(" |"))
        ends = [*(i for i, word in enumerate(words) if word == "|"), len(words)]
        starts = [0, *(end + 1 for end in ends[:-1])]
        return [self.parse(words[start:end]) for start, end in zip(starts, ends, strict=True)]

    def waves(self, scp: str) -> dict[str, Tensor]:
        """The recordings of a `wav.scp`, (1, S) at int16 scale."""
        return {key: _read_wave(self.path(path)) for key, path in self.rows(scp)}

    def matrices(self, name: str) -> dict[str, np.ndarray]:
        """The matrices (T, D) of an archive."""
        return dict(read_matrices(f"ark:{self.path(name)}"))

    def vectors(self, name: str) -> dict[str, np.ndarray]:
        """The vectors (D,) of an archive."""
        return dict(read_vectors(f"ark:{self.path(name)}"))

    def rows(self, name: str) -> list[list[str]]:
        """The lines of a text file, as words."""
        return [line.split() for line in self.path(name).read_text().splitlines()]

    def lists(self, name: str) -> dict[str, list[str]]:
        """A table such as `spk2utt`: the first word of each line, and the others."""
        return {row[0]: row[1:] for row in self.rows(name)}


def _read_wave(path: Path) -> Tensor:
    return torch.from_numpy(soundfile.read(path, dtype="int16")[0].astype(np.float32))[None]
