"""Models side by side on the same trials, or on the same conversations: how often they err, and what they cost.

Each model has a fresh process, so that its memory and its time are its own.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.trials import enrol, score_trials
from pysid.diarization.pipeline import Diarizer
from pysid.embedding.networks import n_parameters
from pysid.embedding.onnx_network import OnnxNetwork
from pysid.errors import DataError, PysidWarning, Skipped
from pysid.io.tables import Trial, read_trials
from pysid.metrics.detection import DetectionSummary, cllr, detection_summary
from pysid.metrics.recordings import DiarizationScore, pair_recordings
from pysid.model.network_file import Network
from pysid.model.speaker_model import SpeakerModel
from pysid.nnet3.network import Nnet3Network
from pysid.parallel.isolated import isolated, peak_bytes
from pysid.progress import track
from pysid.runs.diarize import list_recordings
from pysid.runs.inputs import open_inputs
from pysid.segments import Segment, Turn


@dataclass(frozen=True)
class Cost:
    """What a model takes.

    Attributes:
        n_parameters: of its network; None where that is an ONNX graph.
        ms_per_s: milliseconds for a second of audio, once that is decoded, an utterance at a time: processor time,
            or elapsed time where the device is not a processor. For diarization decoding counts.
        peak_bytes: the most memory of its process, with the 300 MB or so of Python and PyTorch.
    """

    n_parameters: int | None
    ms_per_s: float
    peak_bytes: int


@dataclass(frozen=True, eq=False)
class OnTrials:
    """A model on a list of trials.

    Attributes:
        target, nontarget: scores of the trials that all models could score.
        summary: error rates.
        calibrated_cllr: bits; of scores calibrated with the other half of the trials.
    """

    model: str
    cost: Cost
    target: np.ndarray
    nontarget: np.ndarray
    summary: DetectionSummary
    calibrated_cllr: float


@dataclass(frozen=True)
class OnConversations:
    """A model on conversations: all of them together."""

    model: str
    cost: Cost
    score: DiarizationScore


@dataclass(frozen=True)
class Setting:
    """How the models are run.

    Attributes:
        backend: "plda" or "cosine"; None takes each model's own.
        threads: of PyTorch.
        vad: kind of what finds speech for diarization; None for each model's own.
    """

    device: str = "cpu"
    threads: int = 1
    backend: str | None = None
    vad: str | None = None
    allow_pipes: bool = False


def compare_on_trials(
    models: Sequence[str], trials_path: Path, data: str, setting: Setting = Setting()
) -> tuple[list[OnTrials], Skipped, int]:
    """Every model on the same trials.

    Args:
        data: a wav.scp, or a data directory with one.
    Returns:
        the models in their order, the utterances that one of them could not embed, and how many there are.
    Raises:
        DataError: a file is missing or malformed, a trial has no truth or no audio, or nothing could be scored.
    """
    trials = list(dict.fromkeys(read_trials(trials_path)))
    is_target = np.array([bool(t.is_target) for t in trials], dtype=bool)
    if any(t.is_target is None for t in trials) or not is_target.any() or is_target.all():
        raise DataError(f"{trials_path}: expected 'enrol test target|nontarget' lines, of both kinds")
    skipped, found = Skipped(), []
    for model in track(models, "comparing"):
        cost, scores, reasons = _alone(_score, model, trials, str(trials_path), data, setting)
        found.append((cost, scores))
        for name, reason in reasons.items():
            skipped.add(name, reason)
    common = np.isfinite([scores for _, scores in found]).all(0)
    if not (common & is_target).any() or not (common & ~is_target).any():
        raise DataError(f"{trials_path}: no target or no nontarget trial that all models could score")
    parts = [(cost, scores[common & is_target], scores[common & ~is_target]) for cost, scores in found]
    return (
        [
            OnTrials(
                model, cost, target, nontarget, detection_summary(target, nontarget), calibrated_cllr(target, nontarget)
            )
            for model, (cost, target, nontarget) in zip(models, parts, strict=True)
        ],
        skipped,
        len({name for trial in trials for name in (trial.enrol, trial.test)}),
    )


def compare_on_conversations(
    models: Sequence[str],
    reference: Mapping[str, Sequence[Turn]],
    data: str,
    setting: Setting = Setting(),
    uem: Mapping[str, Sequence[Segment]] | None = None,
    collar_s: float = 0.0,
) -> tuple[list[OnConversations], Skipped]:
    """Every model on the same recordings of conversations.

    Args:
        reference: {recording: its true turns}.
        data: a recording, a folder of them, a wav.scp, or a data directory with one.
        uem, collar_s: see `pair_recordings` and `ScoredRecording.score`.
    Raises:
        DataError: a file is missing or malformed, or no recording is one of the reference's.
    """
    skipped, rows = Skipped(), []
    for model in track(models, "comparing"):
        cost, turns, reasons = _alone(_diarize, model, sorted(reference), data, setting)
        for name, reason in reasons.items():
            skipped.add(name, reason)
        recordings = pair_recordings(reference, turns, uem)
        total = sum((x.score(collar_s=collar_s) for x in recordings), DiarizationScore())
        rows.append(OnConversations(model, cost, total))
    return rows, skipped


def calibrated_cllr(target: np.ndarray, nontarget: np.ndarray) -> float:
    """Cllr, in bits, of each half of the scores after logistic calibration with the other half; NaN of too few.

    That tells how good the scores are as likelihood ratios, even of models that come without a calibration.
    """
    if min(len(target), len(nontarget)) < 4:
        return float("nan")
    llrs: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for judged in (0, 1):
        fitted = LogisticCalibration(p_target=0.5).fit(target[1 - judged :: 2], nontarget[1 - judged :: 2])
        for part, scores in zip(llrs, (target, nontarget), strict=True):
            part.append(np.asarray(fitted.transform(scores[judged::2])))
    return float(cllr(np.concatenate(llrs[0]), np.concatenate(llrs[1])))


def _alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` gives in a process of its own, whose warnings are raised here."""
    result, messages = isolated(_with_warnings, partial(work, *arguments))
    for message in messages:
        warnings.warn(message, PysidWarning, stacklevel=2)
    return result


def _with_warnings(work: Callable[[], Any]) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = work()
    return result, list(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, PysidWarning)))


class _Watch:
    """Adds up the time of what it is held over."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = self._now()
        yield
        self.seconds += self._now() - start

    def _now(self) -> float:
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _score(
    name: str, trials: Sequence[Trial], trials_path: str, data: str, setting: Setting
) -> tuple[Cost, np.ndarray, dict[str, str]]:
    """The scores (P,) of trials by one model, NaN where there is none; and why utterances were left out."""
    torch.set_num_threads(setting.threads)
    model = SpeakerModel.load(name, setting.device)
    scorer = model.scorer(setting.backend)
    place = Path(data) / "wav.scp" if Path(data).is_dir() else Path(data)
    inputs = open_inputs([str(place)], model, setting.allow_pipes)
    if inputs.keys is None or inputs.are_features:
        raise DataError(f"{data}: expected a wav.scp, or a data directory with one")
    wanted = {name for t in trials for name in (t.enrol, t.test)}
    if missing := sorted(wanted - set(inputs.keys)):
        raise DataError(f"{trials_path}: {missing[0]!r} is not in {place}")
    skipped, watch, n_samples = Skipped(), _Watch(setting.device), 0
    vectors: dict[str, np.ndarray] = {}
    for key, wave in inputs.read(set(inputs.keys) - wanted, skipped.add):
        with watch.running():
            vectors.update(model.embed_waves([(key, wave)], on_skip=skipped.add, scaled=True))
        n_samples += len(wave)
    if not vectors:
        raise DataError(f"{data}: no utterance has an embedding by {name}: {skipped.brief()}")
    scores = score_trials(scorer, trials, enrol(vectors), vectors)
    cost = _cost(model.network, watch.seconds, n_samples / model.config.sample_rate)
    return cost, scores, {str(k): str(v) for k, v in skipped.reasons.items()}


def _diarize(
    name: str, known: Sequence[str], data: str, setting: Setting
) -> tuple[Cost, dict[str, Sequence[Turn]], dict[str, str]]:
    """The turns of each recording by one model."""
    torch.set_num_threads(setting.threads)
    model = SpeakerModel.load(name, setting.device)
    diarizer = Diarizer.of(model, {} if setting.vad is None else {"vad.kind": setting.vad})
    skipped, watch, seconds = Skipped(), _Watch(setting.device), 0.0
    turns: dict[str, Sequence[Turn]] = {}
    for recording in list_recordings([data], setting.allow_pipes):
        if recording.name in known:
            with skipped.on_error(recording.name), watch.running():
                found = diarizer(recording.resolved())
                turns[recording.name] = found.turns
                seconds += found.duration_s
    if not turns:
        raise DataError(f"{data}: has none of the recordings of the reference, such as {known[0]!r}")
    cost = _cost(model.network, watch.seconds, seconds)
    return cost, turns, {str(k): str(v) for k, v in skipped.reasons.items()}


def _cost(network: Network, seconds: float, audio_s: float) -> Cost:
    if isinstance(network, OnnxNetwork):
        n = None
    elif isinstance(network, Nnet3Network):
        n = sum(x.numel() for x in network.buffers())
    else:
        n = n_parameters(network)
    return Cost(n, 1000 * seconds / max(audio_s, 1e-9), peak_bytes())
