"""The tables of data directories as values: copied under other names, joined, thinned out, written.

Source: kaldi/egs/wsj/s5/utils/{copy_data_dir,combine_data,subset_data_dir}.sh and subset_scp.pl.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.io.ark.archive import split_entry
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.tables import read_table, spk2utt_from_utt2spk, write_table

Item = TypeVar("Item")
Table = dict[str, str]
Tables = dict[str, Table]  # by name, such as "utt2spk"

OF_SPEECH = ("utt2dur", "utt2lang", "text", "vad.scp")  # what copies of an utterance have in common with it
WRITTEN = ("wav.scp", "segments", "utt2spk", "spk2utt", "spk2gender", "utt2uniq", *OF_SPEECH)


def corpus_tables(corpus: Corpus) -> Tables:
    """What `WRITTEN` names of a corpus, with absolute paths; without those that it does not have."""
    tables: Tables = {"wav.scp": _absolute(corpus.wav_scp, corpus.directory), "utt2spk": dict(corpus.utt2spk)}
    if corpus.segments is not None:
        tables["segments"] = {name: str(line) for name, line in corpus.segments.items()}
    for name in ("spk2gender", "utt2uniq", *OF_SPEECH):
        path = corpus.directory / name
        found = read_table(path) if path.exists() else {}
        known = set(corpus.utt2spk.values()) if name == "spk2gender" else corpus
        tables[name] = {key: value for key, value in found.items() if key in known}
    tables["vad.scp"] = _absolute(tables["vad.scp"], corpus.directory)
    return {name: table for name, table in tables.items() if table}


def copied(tables: Tables, originals: Mapping[str, str], audio: Mapping[str, Path]) -> Tables:
    """Tables of copies of utterances, each copy with an audio file of its own.

    Args:
        originals: {copy: utterance}.
        audio: {copy: file}.
    """
    result: Tables = {"wav.scp": {name: str(audio[name]) for name in originals}, "utt2uniq": dict(originals)}
    for kind in ("utt2spk", *OF_SPEECH):
        old = tables.get(kind, {})
        result[kind] = {name: old[utterance] for name, utterance in originals.items() if utterance in old}
    speakers = set(result["utt2spk"].values())
    result["spk2gender"] = {key: x for key, x in tables.get("spk2gender", {}).items() if key in speakers}
    return {name: table for name, table in result.items() if table}


def joined(parts: Sequence[Tables]) -> Tables:
    """The tables of several directories as one: those tables that all of them have.

    Where some have `segments` or `utt2uniq`, whole recordings or utterances themselves stand for the others.
    """
    defaults = {"segments": "{} 0.0 -1", "utt2uniq": "{}"}
    asked = {name: default for name, default in defaults.items() if any(name in part for part in parts)}
    whole = []
    for part in parts:
        utterances = part.get("segments", part["wav.scp"])
        made = {name: {key: default.format(key) for key in utterances} for name, default in asked.items()}
        whole.append({**made, **part})
    names = set.intersection(*map(set, whole))
    return {name: {key: x for part in whole for key, x in part[name].items()} for name in WRITTEN if name in names}


def evenly(items: Sequence[Item], n: int) -> list[Item]:
    """`n` of the items, evenly from throughout their sequence: those that Kaldi's subset_scp.pl takes.

    >>> evenly("abcdefgh", 3)
    ['d', 'f', 'h']
    """
    if n > len(items):
        raise DataError(f"expected a subset of at most {len(items)} utterances, got {n}")
    if len(items) <= 1:
        return list(items[:n])
    half = len(items) // 2
    return evenly(items[:half], n // 2) + evenly(items[half:], n - n // 2)


def write_tables(directory: Path, tables: Tables) -> None:
    """Writes a data directory, in the order of the C locale; what is not in `tables` is removed.

    Files below the parent of `directory` are written relative to it, so that the whole may be moved. wav.scp comes
    last: a directory that has one is complete.
    """
    directory.mkdir(parents=True, exist_ok=True)
    spk2utt = spk2utt_from_utt2spk(_sorted(tables.get("utt2spk", {})))
    whole = {**tables, "spk2utt": {speaker: " ".join(names) for speaker, names in spk2utt.items()}}
    for name in reversed(WRITTEN):
        table = _sorted(whole.get(name, {}))
        if name.endswith(".scp"):
            table = {key: _relative(entry, directory) for key, entry in table.items()}
        if table:
            write_table(directory / name, table)
        else:
            (directory / name).unlink(missing_ok=True)


def sorted_names(names: Iterable[str]) -> list[str]:
    """In the order of the C locale."""
    return sorted(names, key=str.encode)


def _sorted(table: Table) -> Table:
    return {key: table[key] for key in sorted_names(table)}


def _absolute(table: Mapping[str, str], directory: Path) -> Table:
    """Entries of an scp file of a directory, as they stand in any other."""

    def absolute(entry: str) -> str:
        path = split_entry(entry)[0]
        if is_pipe(entry):
            return entry
        return os.path.abspath(resolve_path(path, directory)) + entry.removeprefix(path)

    return {key: absolute(entry) for key, entry in table.items()}


def _relative(entry: str, directory: Path) -> str:
    root = os.path.abspath(directory.parent)
    inside = not is_pipe(entry) and entry.startswith(root + os.sep)
    return os.path.relpath(entry, os.path.abspath(directory)) if inside else entry
