"""Speaker identification from audio: whose voice, of many enrolled ones, is this, if anybody's?

enrol("speakers.db", model, "ann", ["ann-1.wav", "ann-2.wav"])
with SpeakerDatabase("speakers.db") as database:
    answer = Identifier(database, model)("caller.wav")
answer.speaker      # "ann", or None for a stranger
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.chain import Backend
from pysid.backend.search import EnrolledSide, candidates, enrolled_side, rounded_scores
from pysid.backend.statistics import row_blocks
from pysid.errors import DataError, Skipped
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.audio.samples import Audio, as_list
from pysid.model.recording import name_of_recording
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import say
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase, check_name
from pysid.speakers.decision import OperatingPoint
from pysid.speakers.index import NO_SCORE, Label, SpeakerIndex, index_path, read_index, write_index
from pysid.speakers.listen import SpeechListener
from pysid.speakers.verify import require_distinct

MAX_UNINDEXED = 4096  # speakers prepared anew whenever a database is opened: about a tenth of a second
MAX_UNINDEXED_SHARE = 0.02  # of all speakers, where that is more: the index is not written again too often


def enrol(
    path: str | os.PathLike[str],
    model: SpeakerModel,
    name: str,
    recordings: Audio | Sequence[Audio],
    skipped: Skipped | None = None,
    *,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
) -> int:
    """Adds recordings of a speaker, new or known, to a database, which is made if there is none.

    A recording that had been enrolled before, under whatever name, replaces itself: it counts once.

    Args:
        recordings: of the speaker alone, one or several; files, or samples, as `pysid.load().verify` takes them.
        skipped: notes recordings that cannot be read or have no speech; None raises on the first of them.
    Returns:
        How many were enrolled.
    Raises:
        DataError: a bad name, the database is of another model or cannot be written, or no recording could be used.
    """
    check_name(name)
    given = as_list(recordings)
    require_distinct([audio for audio in given if isinstance(audio, str | os.PathLike)])
    owner = model.fingerprint(), model.config.network.embedding_dim
    if os.path.exists(path):
        SpeakerDatabase.create(path, *owner).close()  # reports what is wrong with it before the long work
    listen = SpeechListener(model, channel, max_hours)
    utterances: dict[str, EnrolledUtterance] = {}
    for recording in given:
        label = name_of_recording(recording)
        with nullcontext() if skipped is None else skipped.on_error(label):
            heard = listen(recording)
            if heard.digest in utterances:
                raise DataError(f"{label}: expected each recording of a speaker once, got one again")
            utterances[heard.digest] = EnrolledUtterance(heard.digest, heard.duration_s, heard.embedding)
    if not utterances:
        raise DataError(f"{name}: no recording could be used: {(skipped or Skipped()).brief()}")
    with SpeakerDatabase.create(path, *owner) as database:
        n_before = database.add({name: list(utterances.values())})
    if n_before:
        say(f"{name}: {n_before} of these recordings had been enrolled before, and count once")
    return len(utterances)


def enrol_voices(
    path: str | os.PathLike[str], model: SpeakerModel, name: str, voices: Sequence[EnrolledUtterance]
) -> None:
    """Adds voices whose embeddings the model has made already; see `enrol`.

    Args:
        path: of the database, made if it is not there.
        model: that made the embeddings.
        name: of the speaker, new or known.
        voices: embeddings with their lengths.
    """
    check_name(name)
    with SpeakerDatabase.create(path, model.fingerprint(), model.config.network.embedding_dim) as database:
        database.add({name: voices})


@dataclass(frozen=True)
class Candidate:
    """An enrolled speaker who may be the one.

    Attributes:
        score, llr: see `Decision`.
        probability: of this speaker, among all who are enrolled and somebody who is not; None without a calibration.
    """

    name: str
    score: float
    llr: float | None
    probability: float | None


@dataclass(frozen=True)
class Identification:
    """An answer to "who is it?".

    Attributes:
        candidates: the nearest speakers, the best first; at least one.
        accepted: the first of them is named; otherwise it is somebody who is not enrolled.
    """

    candidates: list[Candidate]
    accepted: bool

    @property
    def speaker(self) -> str | None:
        """The name of the likeliest, where it is accepted; None is "unknown"."""
        return self.candidates[0].name if self.accepted else None


class Identifier:
    """Finds whose voice a recording is. What others change in the database meanwhile is seen at once.

    Args:
        point: where acceptance begins. Its `p_target` is the prior probability that the speaker is enrolled, shared
            equally by the N speakers: each is decided at the prior p_target / N, so that the larger the database, the
            better a match must be. A `threshold` on the score is taken as it is.
        backend: see `Verifier`.
    Raises:
        DataError: the database is empty, or of another model; and see `Verifier`.
    """

    def __init__(
        self,
        database: SpeakerDatabase,
        model: SpeakerModel,
        point: OperatingPoint | None = None,
        backend: str | None = None,
        *,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
    ) -> None:
        database.require_model(model.fingerprint())
        self.database = database
        self.model = model
        self.listen = SpeechListener(model, channel, max_hours)
        self.point = point or OperatingPoint()
        self.backend = model.scorer(backend)
        self.point.require(self.backend.calibration_)
        self._backend_fingerprint = fingerprint_backend(self.backend)
        self._state: tuple[int, int] | None = None
        self._parts: list[SpeakerIndex] = []
        self.n_speakers = 0
        self._follow()

    def __call__(self, recording: Audio, n_best: int = 1) -> Identification:
        """The `n_best` speakers for one recording. Raises DataError where it cannot be read or has no speech."""
        return self.identify_embedding(self.listen(recording).embedding, n_best)

    def identify_embedding(self, test: np.ndarray, n_best: int = 1) -> Identification:
        """The `n_best` speakers for an embedding (E,) of the model."""
        if n_best < 1:
            raise ValueError(f"n_best must be at least 1, got {n_best}")
        while True:
            self._follow()
            scores, error = rounded_scores(self.backend, [part.side for part in self._parts], test)
            ids = np.concatenate([part.ids for part in self._parts])[candidates(scores, error, n_best)].tolist()
            with self.database.reading():
                if self.database.state() == self._state:
                    best = self._exact(test, ids)[:n_best]
                    break
        calibration, point = self.backend.calibration_, self.speaker_point
        accepted = point.decide(best[0][0], calibration).accepted
        if calibration is None:
            return Identification([Candidate(name, score, None, None) for score, name in best], accepted)
        exact = np.array([score for score, _ in best])
        shares = posterior(calibration, exact, scores, self.point.p_target)
        found = zip(best, calibration.transform(exact).tolist(), shares.tolist(), strict=True)
        return Identification([Candidate(name, score, llr, p) for (score, name), llr, p in found], accepted)

    @property
    def speaker_point(self) -> OperatingPoint:
        """Where acceptance begins for each of the speakers."""
        return replace(self.point, p_target=self.point.p_target / self.n_speakers)

    def _exact(self, test: np.ndarray, ids: Sequence[int]) -> list[tuple[float, str]]:
        """Scores in double precision, with the names of the speakers; the highest first."""
        names = self.database.names(ids)
        scored = []
        if len(names) != len(ids):
            path = index_path(self.database.path)
            raise DataError(f"{path}: expected speakers of the database, got others: remove the file")
        for speakers, means, counts in self.database.means(ids):
            scores = self.backend.score(means, test[None], counts)[:, 0]
            scored += [(x, names[speaker]) for x, speaker in zip(scores.tolist(), speakers.tolist(), strict=True)]
        return sorted(scored, key=lambda pair: (-pair[0], pair[1]))

    def _follow(self) -> None:
        """Reads what has changed in the database."""
        if self.database.state() == self._state:
            return
        with self.database.reading():
            self._state = epoch, revision = self.database.state()
            self._parts, n_new = load_index(self.database, self.backend, self._backend_fingerprint)
        self.n_speakers = sum(part.n_speakers for part in self._parts)
        if not self.n_speakers:
            raise DataError(f"{self.database.path}: nobody is enrolled in it")
        if n_new > max(MAX_UNINDEXED, MAX_UNINDEXED_SHARE * self.n_speakers):
            store_index(self.database, Label(self._backend_fingerprint, epoch, revision), self._parts)


def posterior(
    calibration: LogisticCalibration, scores: np.ndarray, all_scores: np.ndarray, p_enrolled: float
) -> np.ndarray:
    """Probabilities of some of N speakers, one of whom is heard with the probability `p_enrolled`, each as likely.

    With the likelihood ratios L of the N against "somebody else" it is L_i p / N over (1 - p) + sum of all L_j p / N.

    Args:
        scores: (K,) of the speakers asked about; all_scores: of all N. Those of minus infinity do not count.

    >>> calibration = LogisticCalibration()
    >>> calibration.scale_, calibration.offset_ = 1.0, 0.0
    >>> posterior(calibration, np.log([8.0]), np.log([8.0, 1.0, 1.0]), p_enrolled=0.5)
    array([0.615...])
    """
    highest = float(calibration.transform(all_scores.max()))
    total, n = 0.0, 0
    for rows in row_blocks(len(all_scores)):
        block = all_scores[rows]
        total += float(np.exp(calibration.transform(block) - highest).sum())
        n += int(np.count_nonzero(block > NO_SCORE))
    prior = np.log(p_enrolled) - np.log(n)
    everybody = np.logaddexp(np.log1p(-p_enrolled), prior + highest + np.log(total))
    return np.minimum(np.exp(calibration.transform(scores) + prior - everybody), 1.0)


def load_index(database: SpeakerDatabase, backend: Backend, fingerprint: str) -> tuple[list[SpeakerIndex], int]:
    """All speakers of a database: those of its index file that still hold, and the others, made anew.

    Args:
        database: open.
        backend: of the model.
        fingerprint: of the model; an index of another one does not hold.
    Returns:
        The parts, and how many speakers are not from the index file.
    """
    epoch, revision = database.state()
    stored = read_index(database.path)
    if stored is not None and _fits(stored[0], fingerprint, epoch, revision):
        changed = database.changed_since(stored[0].revision)
        parts = [stored[1].without(changed), _prepare(database, backend, changed)]
        if sum(part.n_speakers for part in parts) == len(database):  # else the database is an older copy, put back
            return parts, len(changed)
    everybody = database.changed_since(-1)
    return [_prepare(database, backend, everybody)], len(everybody)


def store_index(database: SpeakerDatabase, label: Label, parts: Sequence[SpeakerIndex]) -> None:
    """Writes the index file, if that is possible and nobody has been removed in the meantime.

    Args:
        database: open.
        label: what the index is of.
        parts: all speakers.
    """
    try:
        with database.writing():
            if database.state()[0] == label.epoch:
                write_index(database.path, label, parts)
    except (DataError, OSError):
        return  # a folder that cannot be written, a full disk: the next search takes longer to start, no more


def fingerprint_backend(backend: Backend) -> str:
    """A hash that two back-ends share only if they give the same scores; the calibration has no part in it."""
    digest = hashlib.sha256(type(backend).__name__.encode())
    for name, array in sorted(backend.to_arrays().items()):
        if name != "calibration":
            digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def _fits(label: Label, fingerprint: str, epoch: int, revision: int) -> bool:
    return label.backend == fingerprint and label.epoch == epoch and label.revision <= revision


def _prepare(database: SpeakerDatabase, backend: Backend, ids: np.ndarray) -> SpeakerIndex:
    """The enrolled halves of the scores of some speakers, in their order."""
    left, row, counts = np.zeros((0, 0), np.float32), np.zeros(len(ids)), np.zeros(len(ids), np.int32)
    at = 0
    for _, means, numbers in database.means(ids.tolist()):
        side = enrolled_side(backend, means, numbers)
        if not at:
            left = np.empty((len(ids), side.left.shape[1]), np.float32)
        rows = slice(at, at + len(side))
        left[rows], row[rows], counts[rows] = side.left, side.row, side.counts
        at = rows.stop
    if at != len(ids):
        raise DataError(f"{database.path}: expected an utterance of each speaker: the database is damaged")
    return SpeakerIndex(ids, EnrolledSide(left, row, counts))
