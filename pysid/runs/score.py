"""From embeddings and a trial list to scores."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from logging import WARNING
from pathlib import Path

import numpy as np

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.chain import Backend
from pysid.backend.trials import enrol, score_trials
from pysid.errors import DataError, Skipped
from pysid.io.ark.archive import read_vectors
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.files import require_apart
from pysid.io.lock import output_lock
from pysid.io.table_formats import SPK2UTT, TRIALS
from pysid.io.tables import Trial, read_spk2utt, read_trials, write_scores
from pysid.io.text import RowFormat, read_rows
from pysid.io.trial_scores import split_scores
from pysid.model.directory import DEFAULT_MODEL
from pysid.model.speaker_model import SpeakerModel
from pysid.parallel.workers import THIS_PROCESS, Workers
from pysid.progress import say
from pysid.runs.inputs import files_read
from pysid.runs.vectors import open_vectors


@dataclass(frozen=True, kw_only=True)
class ScoringConfig:
    """How trials are scored.

    Attributes:
        backend: "plda" or "cosine"; None takes the model's.
        enrol_spk2utt: names speakers that are enrolled by several utterances; None where these stand in the trials.
        cohort: embeddings of other speakers, for adaptive s-norm; None leaves s-norm out.
        top_n: of their scores that s-norm takes.
        calibrate: turn scores into log-likelihood ratios by the model's calibration.
        channel, max_hours: of recordings; see `AudioReader`.
    """

    backend: str | None = None
    enrol_spk2utt: Path | None = None
    cohort: str | None = None
    top_n: int = 300
    calibrate: bool = False
    channel: int | None = None
    max_hours: float = MAX_HOURS

    def __post_init__(self) -> None:
        if self.calibrate and self.cohort is not None:
            raise ValueError("a calibration is of scores without a cohort: leave out one of the two")


def score_list(
    trials_path: Path,
    audio: str,
    out: Path,
    config: ScoringConfig | None = None,
    *,
    model: str | None = None,
    workers: Workers = THIS_PROCESS,
    allow_pipes: bool = False,
) -> tuple[Skipped, int]:
    """What `pysid score` does: see its options.

    Embeddings of audio are kept beside `out` until the scores are there, so that a second run resumes where the first
    was stopped.

    Args:
        trials_path: of the list.
        audio: what the trials are of, as `pysid embed` takes it.
        out: of the scores.
        config: back-end and normalisation.
        model: directory or name.
        workers: who embeds.
        allow_pipes: run entries that are shell commands.
    Returns:
        The utterances without an embedding, and how many there were.
    Raises:
        DataError: a file that is missing or malformed, an utterance or speaker of the lists that does not exist, no
            trial that can be scored, `out` is a file that is read, or another run writes it.
    """
    config = config or ScoringConfig()
    named = [str(x) for x in (audio, config.cohort, config.enrol_spk2utt) if x is not None]
    require_apart([out], [trials_path, *files_read(named)])
    trials = _read_trials(trials_path)
    spk2utt = None if config.enrol_spk2utt is None else read_spk2utt(config.enrol_spk2utt)
    opened = SpeakerModel.load(model or DEFAULT_MODEL, workers.device if workers.is_here else "cpu")
    scorer = opened.scorer(config.backend)
    if config.calibrate and scorer.calibration_ is None:
        raise DataError("this model has no calibration for that back-end: see pysid fit-backend")
    dim = opened.config.network.embedding_dim
    background = None if config.cohort is None else _read_cohort(config.cohort, dim, allow_pipes)
    wanted = _wanted(trials, spk2utt)
    skipped = Skipped()
    with output_lock(out):
        source = open_vectors(audio, opened, wanted, out, workers, allow_pipes, config.channel, config.max_hours)
        _check_names(trials, trials_path, spk2utt, source.names, audio)
        if spk2utt is not None and config.enrol_spk2utt is not None:
            _check_enrolment(spk2utt, config.enrol_spk2utt, source.names, audio)
        embeddings = _usable(source.read(wanted, skipped), dim, skipped)
        if not embeddings:
            source.forget()
            raise DataError(f"{audio}: no utterance has an embedding: {skipped.brief()}")
        values = score_trials(scorer, trials, enrol(embeddings, spk2utt), embeddings, background, config.top_n)
        if config.calibrate and scorer.calibration_ is not None:
            values = scorer.calibration_.transform(values)
        scored = [(t.enrol, t.test, float(x)) for t, x in zip(trials, values, strict=True) if np.isfinite(x)]
        source.forget()
        if not scored:
            raise DataError(f"{trials_path}: no trial could be scored: {skipped.brief()}")
        write_scores(out, scored)
    if len(scored) < len(trials):
        say(f"left out {len(trials) - len(scored)} of {len(trials)} trials", WARNING)
    return skipped, len(wanted)


def fit_calibration(backend: Backend, trials_path: Path, source: str, dim: int) -> LogisticCalibration:
    """A calibration, tuned for both answers being equally likely, from a back-end's scores of labelled trials.

    Args:
        source: embeddings of D = `dim`, see `pysid.io.ark.archive`.
    Raises:
        DataError: as `score_list`, or trials without the truth.
    """
    trials = _read_trials(trials_path)
    wanted = _wanted(trials, None)
    vectors = {key: x for key, x in read_vectors(source) if key in wanted}
    _check_names(trials, trials_path, None, vectors, source)
    skipped = Skipped()
    embeddings = _usable(vectors, dim, skipped)
    if len(skipped):
        raise DataError(f"{source}: {skipped.brief()}")
    values = score_trials(backend, trials, enrol(embeddings), embeddings)
    scores = {(t.enrol, t.test): float(x) for t, x in zip(trials, values, strict=True)}
    return LogisticCalibration(p_target=0.5).fit(*split_scores(trials, scores, trials_path, source))


def _read_trials(path: Path) -> list[Trial]:
    trials = read_trials(path)
    if not trials:
        raise DataError(f"{path}: expected at least one trial, got none")
    return trials


def _read_cohort(source: str, dim: int, allow_pipes: bool) -> np.ndarray:
    """(N, D) embeddings of a cohort."""
    skipped = Skipped()
    vectors = _usable(dict(read_vectors(source, allow_pipes=allow_pipes)), dim, skipped)
    if len(skipped) or len(vectors) < 2:
        problem = skipped.brief() if len(skipped) else f"got {len(vectors)}"
        raise DataError(f"{source}: expected two or more embeddings: {problem}")
    return np.stack(list(vectors.values()))


def _usable(vectors: Mapping[str, np.ndarray], dim: int, skipped: Skipped) -> dict[str, np.ndarray]:
    """The vectors that are finite and of `dim` dimensions; the others go to `skipped`."""
    for key, vector in vectors.items():
        if vector.shape != (dim,):
            skipped.add(key, f"expected an embedding of {dim} dimensions, got the shape {vector.shape}")
        elif not np.isfinite(vector).all():
            skipped.add(key, "the embedding holds a NaN or an infinity")
    return {key: vector for key, vector in vectors.items() if key not in skipped}


def _wanted(trials: Sequence[Trial], spk2utt: Mapping[str, Sequence[str]] | None) -> set[str]:
    """The utterances whose embeddings the trials need."""
    enrolled = {t.enrol for t in trials}
    if spk2utt is not None:
        enrolled = {x for speaker in enrolled for x in spk2utt.get(speaker, ())}
    return enrolled | {t.test for t in trials}


def _check_names(
    trials: Sequence[Trial],
    path: Path,
    spk2utt: Mapping[str, Sequence[str]] | None,
    known: Collection[str],
    source: str,
) -> None:
    """Every name of the trial list must exist; the message has the line of the first that does not."""
    enrollable, where = (known, source) if spk2utt is None else (spk2utt, "the enrolment list")
    for trial in trials:
        for column, names, place in ((0, enrollable, where), (1, known, source)):
            name = (trial.enrol, trial.test)[column]
            if name not in names:
                raise DataError(f"{_first_place(path, TRIALS.row, column, name)}: {name!r} is not in {place}")


def _check_enrolment(spk2utt: Mapping[str, Sequence[str]], path: Path, known: Collection[str], source: str) -> None:
    for speaker, utterances in spk2utt.items():
        for name in utterances:
            if name not in known:
                place = _first_place(path, SPK2UTT.row, 0, speaker)
                raise DataError(f"{place}: {name!r}, an utterance of {speaker!r}, is not in {source}")


def _first_place(path: Path, row_format: RowFormat, column: int, name: str) -> str:
    """`path:line` of the first line with a name in a column."""
    return f"{path}:{next(number for number, fields in read_rows(path, row_format) if fields[column] == name)}"
