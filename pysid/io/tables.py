"""Reading and writing Kaldi's text tables, trial lists and score files.

Every error names the file and the line; for a repeated key, also the line where it came first. What a
`write_` function wrote, its `read_` twin reads back equal.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pysid.errors import DataError, PysidWarning
from pysid.io import table_formats as formats
from pysid.io.files import PathLike
from pysid.io.table_formats import SegmentLine, TableFormat
from pysid.io.text import read_rows, write_lines

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Trial:
    """Is the speaker of `test` the one enrolled as `enrol`? `is_target` is the truth, None if not known."""

    enrol: str
    test: str
    is_target: bool | None = None


def read_keyed(path: PathLike, table_format: TableFormat[Value]) -> dict[str, Value]:
    """A table of any format as {key: value}.

    Raises:
        DataError: the file cannot be read, a line has another form, or a key comes twice.
    """
    table: dict[str, Value] = {}
    for number, fields in read_rows(path, table_format.row):
        key = fields[0]
        if key in table:
            first = _first_line(path, table_format, key)
            raise DataError(f"{path}:{number}: {key!r} is already on line {first}")
        try:
            table[key] = table_format.parse(fields)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
    return table


def read_table(path: PathLike) -> dict[str, str]:
    """Any table as {key: rest of the line}; the rest is stripped of white space, and may be empty."""
    return read_keyed(path, formats.ANY)


def read_wav_scp(path: PathLike) -> dict[str, str]:
    """`wav.scp` as {recording: path or shell pipe}. See `pysid.io.scp` for what an entry may be."""
    return read_keyed(path, formats.WAV_SCP)


def read_utt2spk(path: PathLike) -> dict[str, str]:
    """`utt2spk` as {utterance: speaker}."""
    return read_keyed(path, formats.UTT2SPK)


def read_utt2lang(path: PathLike) -> dict[str, str]:
    """`utt2lang` as {utterance: language}."""
    return read_keyed(path, formats.UTT2LABEL)


def read_spk2utt(path: PathLike) -> dict[str, list[str]]:
    """`spk2utt` as {speaker: utterances, in the order of the line}. An utterance has one speaker only."""
    spk2utt = read_keyed(path, formats.SPK2UTT)
    seen: dict[str, str] = {}
    for speaker, utterances in spk2utt.items():
        for utterance in utterances:
            if utterance in seen:
                number = _first_line(path, formats.SPK2UTT, speaker)
                earlier = f"the speaker {seen[utterance]!r} has it already"
                raise DataError(f"{path}:{number}: expected each utterance once, got {utterance!r}; {earlier}")
            seen[utterance] = speaker
    return spk2utt


def read_spk2gender(path: PathLike) -> dict[str, str]:
    """`spk2gender` as {speaker: "m" or "f"}."""
    return read_keyed(path, formats.SPK2GENDER)


def read_durations(path: PathLike) -> dict[str, float]:
    """`utt2dur` or `reco2dur` as {id: seconds, > 0}."""
    return read_keyed(path, formats.DURATIONS)


def read_num_frames(path: PathLike) -> dict[str, int]:
    """`utt2num_frames` as {utterance: frames, > 0}; `num_utts.ark` has the same form."""
    return read_keyed(path, formats.COUNTS)


def read_segments(path: PathLike) -> dict[str, SegmentLine]:
    """`segments` as {utterance: SegmentLine}, without lines that `illegal_segments` names."""
    segments = read_keyed(path, formats.SEGMENTS)
    illegal = set(illegal_segments(path, segments))
    return {name: line for name, line in segments.items() if name not in illegal}


def illegal_segments(path: PathLike, segments: Mapping[str, SegmentLine]) -> list[str]:
    """The utterances without a duration, or that begin before their recording does: they are left out, as in Kaldi.

    Warns:
        PysidWarning: there are such.
    """
    illegal = [name for name, line in segments.items() if not line.is_legal]
    if illegal:
        number, line = _first_line(path, formats.SEGMENTS, illegal[0]), segments[illegal[0]]
        message = (
            f"{path}:{number}: expected 0 <= start < end, or an end of -1, got {line.start_s:g} and {line.end_s:g}: "
            f"{len(illegal)} of {len(segments)} utterances are left out"
        )
        warnings.warn(message, PysidWarning, stacklevel=3)
    return illegal


def read_trials(path: PathLike) -> list[Trial]:
    """A trial list: `enrol test target|nontarget`, or `enrol test` where the truth is not known.

    VoxCeleb's order, `1 enrol test`, is read too. A trial may come twice, as in published lists.

    Raises:
        DataError: the file cannot be read, a line has another form, or a trial is target and nontarget.
    """
    trials = []
    truths: dict[tuple[str, str], bool | None] = {}
    for number, fields in read_rows(path, formats.TRIALS.row):
        try:
            trial = Trial(fields[0], fields[1], formats.TRIALS.parse(fields))
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        known = truths.setdefault((trial.enrol, trial.test), trial.is_target)
        if known != trial.is_target and None not in (known, trial.is_target):
            first = _first_trial(path, trial)
            raise DataError(f"{path}:{number}: '{' '.join(fields)}' contradicts line {first}, which has the same pair")
        trials.append(trial)
    return trials


def read_scores(path: PathLike) -> dict[tuple[str, str], float]:
    """A score file, `enrol test score`, as {(enrol, test): score}; "target" or "nontarget" after it is ignored.

    Published trial lists repeat some pairs, so a pair may occur again with the same score; with another score
    it is an error.
    """
    scores: dict[tuple[str, str], float] = {}
    for number, (enrol, test, text, *truth) in read_rows(path, formats.SCORES):
        try:
            if truth and truth[0] not in formats.TRUTH:
                raise ValueError(f"expected target or nontarget after the score, got {truth[0]!r}")
            score = formats.finite(text, "a finite score")
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        first = scores.setdefault((enrol, test), score)
        if first != score:
            raise DataError(f"{path}:{number}: expected the score {first} again for this pair, got {text}")
    return scores


def spk2utt_from_utt2spk(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Groups utterances by speaker, both in the order of first appearance (Kaldi's utt2spk_to_spk2utt.pl).

    >>> spk2utt_from_utt2spk({"a-1": "a", "b-1": "b", "a-2": "a"})
    {'a': ['a-1', 'a-2'], 'b': ['b-1']}
    """
    spk2utt: dict[str, list[str]] = {}
    for utterance, speaker in utt2spk.items():
        spk2utt.setdefault(speaker, []).append(utterance)
    return spk2utt


def utt2spk_from_spk2utt(spk2utt: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The inverse of `spk2utt_from_utt2spk`, but for the order of the utterances."""
    return {utterance: speaker for speaker, utterances in spk2utt.items() for utterance in utterances}


def write_table(path: PathLike, table: Mapping[str, object]) -> None:
    """Writes {key: value} in the order given; a float or `SegmentLine` reads back equal.

    Raises:
        DataError: a key is empty or holds white space, or a value does not fit on a line.
    """
    write_lines(path, (_row(path, key, value) for key, value in table.items()))


def write_spk2utt(path: PathLike, spk2utt: Mapping[str, Iterable[str]]) -> None:
    """Writes {speaker: utterances}."""
    write_table(path, {speaker: " ".join(utterances) for speaker, utterances in spk2utt.items()})


def write_trials(path: PathLike, trials: Iterable[Trial]) -> None:
    """Writes a trial list; a trial whose truth is not known gets two columns."""
    words = {True: " target", False: " nontarget", None: ""}
    write_lines(path, (_row(path, trial.enrol, f"{trial.test}{words[trial.is_target]}") for trial in trials))


def write_scores(path: PathLike, scores: Iterable[tuple[str, str, float]]) -> None:
    """Writes `enrol test score` lines with all digits of the score."""
    write_lines(path, (_row(path, enrol, f"{test} {float(score)!r}") for enrol, test, score in scores))


def _row(path: PathLike, key: str, value: object) -> str:
    text = str(value)
    if key.encode().split() != [key.encode()] or "\n" in text or text.encode() != text.encode().strip():
        raise DataError(f"{path}: expected a key without white space and one line, got {key!r} {text!r}")
    return f"{key} {text}"


def _first_line(path: PathLike, table_format: TableFormat[Value], key: str) -> int:
    """Looks a line up again, when something is wrong: the line numbers of a million lines are not kept."""
    return next(number for number, fields in read_rows(path, table_format.row) if fields[0] == key)


def _first_trial(path: PathLike, trial: Trial) -> int:
    return next(n for n, fields in read_rows(path, formats.TRIALS.row) if fields[:2] == [trial.enrol, trial.test])
