"""The whole of diarization: from a recording to turns of speakers.

    audio -> frames, speech -> windows -> embeddings -> clustering -> re-segmentation, overlap -> turns
    audio -> frames, local speakers -> embeddings -> clustering -> stitched turns     (windows of the kind "local")

`Diarizer.analyse` does what is costly and knows nothing of speakers, `Diarizer.assign` the rest, so that several ways
to cluster can be tried on one analysis.
"""

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from pysid.activity.detector import ActivityDetector
from pysid.activity.segmented import SpeechDetector, find_detector
from pysid.backend.chain import Backend
from pysid.diarization.affinity import projection_of
from pysid.diarization.clean_turns import without_fragments
from pysid.diarization.clusterers import make_clusterer
from pysid.diarization.config import DiarizationConfig, NetworkVadConfig
from pysid.diarization.files import load_config
from pysid.diarization.local.analysis import LocalAnalysis, analyse_locally, assign_locally
from pysid.diarization.local.config import LocalOverlapConfig, LocalWindowConfig
from pysid.diarization.local.hearing import Hearing
from pysid.diarization.local.second import with_local_speakers
from pysid.diarization.overlap import OverlapConfig, make_overlap, with_second_speakers
from pysid.diarization.pauses import pauses_between, snap_to_pauses
from pysid.diarization.resegment import ViterbiResegmenter
from pysid.diarization.result import Diarization
from pysid.diarization.second_speakers import NetworkOverlapConfig, with_nearest_speakers
from pysid.diarization.speech import speech_mask, speech_segments
from pysid.diarization.steps import (
    ANY_NUMBER,
    Clustering,
    SpeakerCount,
    Steps,
    Windows,
    check_steps,
)
from pysid.diarization.turns import bridge_gaps, turns_from_windows
from pysid.diarization.windows import WindowConfig, uniform_windows
from pysid.embedding.windows import ReadFrames, embed_windows
from pysid.errors import DataError, PysidWarning
from pysid.frontend import Frontend, FrontendConfig
from pysid.frontend.quality import QualityMeter
from pysid.frontend.silero import SileroVadConfig
from pysid.frontend.streaming import RecordingFeatures, analyse_blocks
from pysid.frontend.webrtc import WebrtcVadConfig
from pysid.io.audio.reader import MAX_HOURS, AudioReader
from pysid.io.audio.samples import Audio, as_source
from pysid.model.directory import DEFAULT_MODEL
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import track
from pysid.segmentation.find import open_segmentation
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segmentation.protocol import SegmentationNetwork
from pysid.segments import Segment, Turn

QUIET = 0.3  # where the probability of sound is below this, a change of speakers has a pause
BLOCK_S = 30.0  # of audio read at a time
NETWORKS = "segmentation.json or activity.json"


@dataclass(frozen=True, eq=False)
class Analysis:
    """A recording before its speakers are told apart.

    Attributes:
        speech: where somebody speaks; short pauses are bridged.
        windows: the pieces of speech that have an embedding; on the clock of `frames` where that is given.
        embeddings: (N, E).
        features: all frames of the recording.
        frames: (T',) the frames that count, where windows were cut from speech joined together.
        unbridged: `speech` without the pauses; None where the speech was given.
        overlap: (T,) probability that several speak; None without a network that finds it.
        heard: who speaks in windows by local segmentation, where windows are pieces of speech and the model has it.
        local: the local speakers, whom `windows` and `embeddings` are of; None where windows are pieces of speech.
    """

    speech: list[Segment]
    windows: Windows
    embeddings: np.ndarray
    features: RecordingFeatures
    frames: np.ndarray | None = None
    unbridged: list[Segment] | None = None
    overlap: np.ndarray | None = None
    heard: LocalSpeech | None = None
    local: LocalAnalysis | None = None

    @property
    def shift_s(self) -> float:
        """Time from one frame to the next."""
        return self.features.shift_s


class Diarizer:
    """Finds the turns of speakers in recordings.

    Args:
        model: computes embeddings.
        config: settings.
        backend: compares embeddings; None takes that of the model.
        detector: finds speech, and speech of several at once, where `config` says that a network does.
        segmentation: hears local speakers, where `config` says that windows are local.
        steps: `speech`, `windows`, `affinity`, `clusterer`, `resegmenter`, `overlap`: objects to use instead of those
            that `config` names, see `steps`.
    Raises:
        TypeError, ValueError: there is no such step, or not with these windows.
        DataError: `config` asks for what does not go with the model.

    >>> diarization = Diarizer.load()("meeting.wav")  # doctest: +SKIP
    >>> for turn in diarization.turns:  # doctest: +SKIP
    ...     print(turn.segment.start_s, turn.segment.end_s, turn.speaker)
    """

    def __init__(
        self,
        model: SpeakerModel,
        config: DiarizationConfig | None = None,
        backend: Backend | None = None,
        *,
        detector: SpeechDetector | None = None,
        segmentation: SegmentationNetwork | None = None,
        **steps: Unpack[Steps],
    ) -> None:
        self.model = model
        self.config = c = config or DiarizationConfig()
        check_steps(steps, isinstance(c.windows, LocalWindowConfig))
        self.steps = steps
        self.segmentation = segmentation
        if isinstance(c.windows, LocalWindowConfig):
            frontend = replace(model.config.frontend, vad=None)
            if segmentation is None:
                raise DataError("the model has no segmentation network; name one, such as --segmentation pyannote")
            try:
                segmentation.grid.check_shift(c.windows.shift_s)
            except ValueError as error:
                raise DataError(f"windows.{error}") from None
        else:
            frontend = _frontend(model, c, detector)
        self.detector = detector
        self.frontend = Frontend(frontend, scaled=True).to(model.device)
        self.backend = backend or model.scorer()
        self.clusterer = steps.get("clusterer") or make_clusterer(
            c.clustering, steps.get("affinity", c.affinity), self.backend
        )
        self.resegmenter = steps.get("resegmenter") or (c.resegmentation and ViterbiResegmenter(c.resegmentation))
        self.overlap = steps.get("overlap")
        if self.overlap is None and isinstance(c.overlap, OverlapConfig):
            self.overlap = make_overlap(c.overlap, self.backend)

    @classmethod
    def load(
        cls,
        path_or_name: str | os.PathLike[str] = DEFAULT_MODEL,
        device: str = "cpu",
        settings: Mapping[str, Any] | None = None,
        **steps: Unpack[Steps],
    ) -> "Diarizer":
        """Opens a model with the settings and the back-end for diarization that came with it.

        Args:
            settings: plain values over those of the model, by dotted names such as "clustering.threshold".
            steps: as of the class.
        Raises:
            DataError: there is no such model, its files are damaged, or a setting is wrong.
        """
        return cls.of(SpeakerModel.load(path_or_name, device), settings, **steps)

    @classmethod
    def of(cls, model: SpeakerModel, settings: Mapping[str, Any] | None = None, **steps: Unpack[Steps]) -> "Diarizer":
        """As `load`, with a model that is open already."""
        config, backend = load_config(model, settings)
        if isinstance(config.windows, LocalWindowConfig):
            network = open_segmentation(config.windows.segmentation, model.path, model.device)
            return cls(model, config, backend, segmentation=network, **steps)
        detector = None if model.path is None else find_detector(model.path, model.device)
        return cls(model, config, backend, detector=detector, **steps)

    def with_config(self, config: DiarizationConfig) -> "Diarizer":
        """The same model, back-end, detector and steps with another configuration."""
        return Diarizer(
            self.model, config, self.backend, detector=self.detector, segmentation=self.segmentation, **self.steps
        )

    def __call__(
        self,
        audio: Audio,
        count: SpeakerCount = ANY_NUMBER,
        *,
        speech: Sequence[Segment] | None = None,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
    ) -> Diarization:
        """Who spoke when in an audio file; arguments as in `analyse` and `assign`."""
        source = as_source(audio, self.model.config.sample_rate)
        analysis = self.analyse(source, speech=speech, channel=channel, max_hours=max_hours)
        return self.assign(analysis, count).of(source, channel)

    def analyse(
        self,
        audio: Audio,
        *,
        speech: Sequence[Segment] | None = None,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
    ) -> Analysis:
        """Frames, speech, windows and embeddings of an audio file, which is read in blocks.

        Args:
            audio: a file, its bytes, a file object, or (samples, rate): see `Audio`.
            speech: where somebody speaks, where that is known; None finds it.
            channel: counted from 0; None takes the mean of those that hold sound.
            max_hours: a longer recording is refused.
        Raises:
            DataError: the file cannot be read.
        """
        if isinstance(self.config.windows, LocalWindowConfig):
            return self._analyse_locally(audio, speech, channel, max_hours, self.config.windows)
        features = self._read(audio, channel, max_hours)
        shift_s, duration_s = features.shift_s, features.duration_s
        finds_speech = isinstance(self.config.vad, NetworkVadConfig) and speech is None and "speech" not in self.steps
        activity = None
        if self.detector is not None and (finds_speech or self._hears_overlap is not None):
            activity = self.detector(features.features)
        unbridged, overlap = None, None if activity is None else activity.overlap
        heard = None if activity is None else activity.local
        if speech is None and "speech" in self.steps:
            speech = self.steps["speech"](features.features.cpu().numpy(), shift_s)
        elif speech is None:
            voiced, c = features.voiced.cpu().numpy(), self.config.speech
            with_pauses = voiced
            if activity is not None and isinstance(self.config.vad, NetworkVadConfig):
                voiced = with_pauses = activity.speech
                if activity.sound is not None:
                    with_pauses = np.where(activity.sound < QUIET, 0.0, voiced)
            speech = speech_segments(voiced, shift_s, c, duration_s)
            every = replace(c, min_silence_s=0.0, min_speech_s=0.0)
            unbridged = speech_segments(with_pauses, shift_s, every, duration_s)
        speech = union(speech, duration_s)
        if not self.config.joined:
            windows = self._windows(speech)
            embeddings = self._embed(features.normalized, windows, features)
            return Analysis(speech, windows, embeddings, features, unbridged=unbridged, overlap=overlap, heard=heard)
        frames = np.flatnonzero(speech_mask(speech, len(features), shift_s))
        joined = features.normalized()[frames]
        windows = self._windows([Segment(0.0, len(frames) * shift_s)] if len(frames) else [])
        embeddings = self._embed(lambda first, end: joined[first:end], windows, features)
        return Analysis(speech, windows, embeddings, features, frames, unbridged, overlap, heard)

    @property
    def _hears_overlap(self) -> NetworkOverlapConfig | LocalOverlapConfig | None:
        """How the detector's overlap is used; None where it is not, or another step finds overlap."""
        overlap = self.config.overlap
        uses = isinstance(overlap, NetworkOverlapConfig | LocalOverlapConfig) and self.overlap is None
        return overlap if uses else None  # type: ignore[return-value]

    def _windows(self, speech: list[Segment]) -> Windows:
        assert isinstance(self.config.windows, WindowConfig)
        find_windows = self.steps.get("windows")
        return uniform_windows(speech, self.config.windows) if find_windows is None else find_windows(speech)

    def _analyse_locally(
        self,
        audio: Audio,
        speech: Sequence[Segment] | None,
        channel: int | None,
        max_hours: float,
        config: LocalWindowConfig,
    ) -> Analysis:
        assert self.segmentation is not None
        frontend = self.frontend.config
        hearing = Hearing(self.segmentation, config.shift_s, frontend.features, frontend.sample_rate)
        features = self._read(audio, channel, max_hours, hearing)
        heard = hearing.finish(features.features)
        known = None if speech is None else union(speech, features.duration_s)
        local = analyse_locally(self.model, features, heard, known, config)
        return Analysis(local.speech_segments, local.windows, local.speakers.embeddings, features, local=local)

    def _read(
        self, audio: Audio, channel: int | None, max_hours: float, hearing: Hearing | None = None
    ) -> RecordingFeatures:
        """All frames of a recording; warns of what is wrong with its sound."""
        rate = self.model.config.sample_rate
        source = as_source(audio, rate)
        meter = QualityMeter(rate)
        with AudioReader(source, rate, channel, max_hours) as reader:
            blocks = meter.passing(reader.blocks(BLOCK_S))
            blocks = blocks if hearing is None else hearing.passing(blocks)
            n_blocks = math.ceil(reader.n_samples / (BLOCK_S * rate))
            features = analyse_blocks(self.frontend, track(blocks, "reading", n_blocks))
        if faults := meter.finish().faults():
            warnings.warn(f"{reader.name}: {'; '.join(faults)}: expect more errors", PysidWarning, stacklevel=2)
        return features

    def assign(self, analysis: Analysis, count: SpeakerCount = ANY_NUMBER) -> Diarization:
        """The turns of an analysed recording, with that many speakers."""
        duration_s, windows = analysis.features.duration_s, analysis.windows
        if not len(windows):
            return Diarization([], duration_s)
        if analysis.local is not None:
            return self._assign_locally(analysis.local, duration_s, count)
        clustering = self.clusterer(analysis.embeddings, windows, count)
        names = [f"speaker{i + 1}" for i in range(clustering.n_speakers)]
        turns = turns_from_windows(windows, clustering.labels, names)
        if self.resegmenter:
            # Before CMVN: a sliding mean takes away much of what tells speakers apart.
            features, speech = analysis.features.features, analysis.speech
            if analysis.frames is not None:
                features, speech = features[analysis.frames], [Segment(0.0, len(analysis.frames) * analysis.shift_s)]
            moved = self.resegmenter(features.cpu().numpy(), analysis.shift_s, speech, turns)
            if len({turn.speaker for turn in moved}) >= min(count.minimum, clustering.n_speakers):
                turns = moved  # otherwise it has lost a speaker who was asked for
        if self.overlap:
            second = self.overlap(analysis.embeddings, windows, clustering)
            turns = with_second_speakers(turns, windows, second, names)
        if analysis.frames is not None:
            turns = spread(turns, analysis.frames, analysis.shift_s)
        c = self.config.turns
        turns = snap_to_pauses(turns, pauses_between(analysis.unbridged or ()), c.snap_s)
        turns = without_fragments(bridge_gaps(turns, c.bridge_s), c.min_turn_s, count.minimum, c.min_speaker_s)
        if (hears := self._hears_overlap) is not None:
            turns = self._with_heard_overlap(turns, analysis, hears, count.minimum)
        turns, clustering = _as_they_first_speak([_to_microseconds(turn) for turn in turns], clustering, names)
        return Diarization(turns, duration_s, clustering, c.join_s)

    def _with_heard_overlap(
        self,
        turns: list[Turn],
        analysis: Analysis,
        config: NetworkOverlapConfig | LocalOverlapConfig,
        min_speakers: int,
    ) -> list[Turn]:
        """The turns with those of second speakers, whom the detector has heard."""
        if analysis.overlap is None:
            raise DataError("the recording was analysed by settings without overlap: analyse it by these")
        overlap = speech_segments(analysis.overlap, analysis.shift_s, config.as_speech, analysis.features.duration_s)
        if isinstance(config, NetworkOverlapConfig):
            return with_nearest_speakers(turns, overlap, config.max_distance_s)
        if analysis.heard is None:
            raise DataError("the detector of speech hears no local speakers: take overlap.kind=network or none")
        both = with_local_speakers(turns, analysis.heard, overlap)
        return without_fragments(both, self.config.turns.min_turn_s, min_speakers)

    def _assign_locally(self, local: LocalAnalysis, duration_s: float, count: SpeakerCount) -> Diarization:
        c = self.config
        assert isinstance(c.windows, LocalWindowConfig)
        projection = projection_of(c.affinity, self.backend)
        turns, clustering, names = assign_locally(
            local, self.clusterer, projection, count, c.windows, overlap=c.overlap is not None
        )
        turns = bridge_gaps(turns, c.turns.bridge_s)
        turns = without_fragments(turns, c.turns.min_turn_s, count.minimum, c.turns.min_speaker_s)
        turns, clustering = _as_they_first_speak([_to_microseconds(turn) for turn in turns], clustering, names)
        return Diarization(turns, duration_s, clustering, c.turns.join_s)

    def _embed(self, read: ReadFrames, windows: Windows, features: RecordingFeatures) -> np.ndarray:
        """(N, E) embeddings of windows."""
        starts = np.rint(windows.start_s / features.shift_s).astype(np.int64)
        ends = np.maximum(np.rint(windows.end_s / features.shift_s).astype(np.int64), starts + 1)
        last = len(features)
        bounds = [(min(a, last - 1), min(b, last)) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        vectors = embed_windows(self.model.network, read, bounds, self.model.config.extract)
        result = np.empty((len(bounds), self.model.config.network.embedding_dim), np.float32)
        for i, vector in enumerate(track(vectors, "embedding", len(bounds))):
            result[i] = vector
        return result


def _frontend(model: SpeakerModel, config: DiarizationConfig, detector: SpeechDetector | None) -> FrontendConfig:
    """The front-end of a model with the VAD that `config` names; none where that is a network.

    Raises:
        DataError: `config` asks for what does not go with the model.
    """
    vad, frontend = config.vad, model.config.frontend
    if detector is not None and detector.features != frontend.features:
        raise DataError("the network that finds speech reads other features than the embedding network")
    if isinstance(config.overlap, NetworkOverlapConfig) and detector is None:
        raise DataError(f"the model has no network that finds overlap ({NETWORKS}); take --no-overlap")
    if isinstance(config.overlap, LocalOverlapConfig) and (detector is None or isinstance(detector, ActivityDetector)):
        raise DataError("the model has no local segmentation (segmentation.json); take --no-overlap")
    if isinstance(vad, NetworkVadConfig):
        if detector is None:
            raise DataError(f"the model has no network that finds speech ({NETWORKS}); take --vad webrtc")
        return replace(frontend, vad=None)
    try:
        return replace(frontend, vad=vad)
    except ValueError as error:
        other = "adaptive" if isinstance(vad, WebrtcVadConfig | SileroVadConfig) else "webrtc"
        raise DataError(f"{error}; take --vad {other}") from None


def _as_they_first_speak(turns: list[Turn], clustering: Clustering, names: list[str]) -> tuple[list[Turn], Clustering]:
    """The same with new names: borders that moved may have changed who speaks first.

    What another resegmenter has names of its own for is left as it is.
    """
    seen = list(dict.fromkeys(turn.speaker for turn in turns))
    if not set(seen) <= set(names):
        return turns, clustering
    order = [names.index(name) for name in seen]
    order += sorted(set(range(len(names))) - set(order))  # who has lost all turns
    renamed = {names[old]: names[new] for new, old in enumerate(order)}
    posteriors = None if clustering.posteriors is None else clustering.posteriors[:, order]
    labels = np.argsort(order)[clustering.labels]
    return [Turn(turn.segment, renamed[turn.speaker]) for turn in turns], Clustering(labels, posteriors)


def _to_microseconds(turn: Turn) -> Turn:
    """Without the last digits that multiples of a frame shift leave."""
    return Turn(Segment(round(turn.segment.start_s, 6), round(turn.segment.end_s, 6)), turn.speaker)


def union(segments: Sequence[Segment], duration_s: float) -> list[Segment]:
    """The parts of a recording that at least one of the segments covers, in order.

    >>> union([Segment(3, 9), Segment(0, 1), Segment(0.5, 2)], duration_s=5)
    [Segment(start_s=0, end_s=2), Segment(start_s=3, end_s=5)]
    """
    covered: list[Segment] = []
    for segment in sorted(segments):
        start_s, end_s = segment.start_s, min(segment.end_s, duration_s)
        if covered and start_s <= covered[-1].end_s:
            covered[-1] = Segment(covered[-1].start_s, max(covered[-1].end_s, end_s))
        elif start_s < end_s:
            covered.append(Segment(start_s, end_s))
    return covered


def spread(turns: Sequence[Turn], frames: np.ndarray, shift_s: float) -> list[Turn]:
    """Turns on the clock of frames joined together, put back to where these frames are: (T',) of a recording.

    Args:
        turns: as if the frames followed one another.
        frames: (T',) numbers of these frames in the recording, ascending.
        shift_s: from one frame to the next.

    >>> [turn.segment for turn in spread([Turn(Segment(0.0, 0.03), "anna")], np.array([5, 6, 9]), 0.01)]
    [Segment(start_s=0.05, end_s=0.07), Segment(start_s=0.09, end_s=0.1)]
    """
    spread_turns = []
    for turn in turns:
        first, end = round(turn.segment.start_s / shift_s), round(turn.segment.end_s / shift_s)
        own = frames[first:end]
        for run in np.split(own, np.flatnonzero(np.diff(own) > 1) + 1):
            if len(run):
                segment = Segment(round(float(run[0] * shift_s), 6), round(float((run[-1] + 1) * shift_s), 6))
                spread_turns.append(Turn(segment, turn.speaker))
    return sorted(spread_turns)
