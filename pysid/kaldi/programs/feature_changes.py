"""compute-vad, apply-cmvn-sliding, add-deltas."""

from pysid.errors import DataError
from pysid.frontend.cmvn_config import CMVN_OPTIONS, CmvnConfig
from pysid.frontend.plain.cmvn import sliding_cmvn
from pysid.frontend.plain.deltas import add_deltas
from pysid.frontend.plain.vad import energy_vad
from pysid.frontend.vad_config import VAD_OPTIONS, VadConfig
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX, VECTOR
from pysid.kaldi.log import six_digits
from pysid.kaldi.run import Program, Run


def _compute_vad(run: Run) -> int:
    config = VadConfig.from_kaldi({name: text for name, text in run.given.items() if name in VAD_OPTIONS})
    source, target = run.arguments
    writer = run.write(target, VECTOR)
    n_done = n_empty = n_unvoiced = n_frames = n_voiced = 0
    for key, features in run.read(source, MATRIX):
        if len(features) == 0:
            run.log.warn(f"Empty feature matrix for utterance {key}")
            n_empty += 1
            continue
        voiced = energy_vad(features[:, 0], config)
        n_frames += len(voiced)
        n_voiced += int(voiced.sum())
        if voiced.any():
            n_done += 1
        else:
            run.log.warn(f"No frames were judged voiced for utterance {key}")
            n_unvoiced += 1
        if voiced.any() or not run.options["omit-unvoiced-utts"]:
            writer.write(key, voiced)
    run.log.info(
        f"Applied energy based voice activity detection; processed {n_done} utterances successfully; {n_empty} had "
        f"empty features, and {n_unvoiced} were completely unvoiced."
    )
    share = six_digits(n_voiced / n_frames) if n_frames else "-nan"
    run.log.info(f"Proportion of voiced frames was {share} over {six_digits(n_frames)} frames.")
    return 0 if n_done else 1


def _apply_cmvn_sliding(run: Run) -> int:
    config = CmvnConfig.from_kaldi({name: text for name, text in run.given.items() if name in CMVN_OPTIONS})
    source, target = run.arguments
    writer = run.write(target, MATRIX)
    n_done = n_errors = 0
    for key, features in run.read(source, MATRIX):
        if len(features) == 0:
            run.log.warn(f"Empty feature matrix for utterance {key}")
            n_errors += 1
            continue
        writer.write(key, sliding_cmvn(features, config))
        n_done += 1
    what = "mean and variance" if config.norm_vars else "mean"
    run.log.info(f"Applied sliding-window cepstral {what} normalization to {n_done} utterances, {n_errors} had errors.")
    return 0 if n_done else 1


def _add_deltas(run: Run) -> int:
    order, window, truncate = (run.options[name] for name in ("delta-order", "delta-window", "truncate"))
    source, target = run.arguments
    writer = run.write(target, MATRIX)
    for key, features in run.read(source, MATRIX):
        if len(features) == 0:
            run.log.warn(f"Empty feature matrix for key {key}")
            continue
        if truncate > features.shape[1]:
            raise DataError(f"{key}: Cannot truncate features of dimension {features.shape[1]} to {truncate}")
        kept = features[:, :truncate] if truncate else features
        writer.write(key, add_deltas(kept, order, window))
    return 0


PROGRAMS = {
    "compute-vad": Program(
        "Decide which frames are voiced, by the energy in the first column of MFCCs; write vectors of 1 and 0.\n"
        "Usage: compute-vad [options] <feats-rspecifier> <vad-wspecifier>",
        (2,),
        _compute_vad,
        (
            Option("omit-unvoiced-utts", False, "Leave out utterances without a voiced frame"),
            Option("vad-energy-threshold", 5.0, "Threshold of the log energy; see the next"),
            Option("vad-energy-mean-scale", 0.5, "Factor of the mean log energy that is added to the threshold"),
            Option("vad-frames-context", 0, "Frames on either side that count"),
            Option("vad-proportion-threshold", 0.6, "Share of them that must be loud"),
        ),
    ),
    "apply-cmvn-sliding": Program(
        "Normalise features by their mean, and possibly variance, over a sliding window.\n"
        "Usage: apply-cmvn-sliding [options] <feats-rspecifier> <feats-wspecifier>",
        (2,),
        _apply_cmvn_sliding,
        (
            Option("cmn-window", 600, "Frames in the window"),
            Option("min-cmn-window", 100, "Frames at the start that share a window; not with --center"),
            Option("norm-means", True, "Subtract the mean"),
            Option("norm-vars", False, "Divide by the standard deviation"),
            Option("center", False, "The window lies around the frame, not before it"),
            Option("max-warnings", 5, "No effect: there are no such warnings"),
        ),
    ),
    "add-deltas": Program(
        "Append deltas to features.\nUsage: add-deltas [options] <feats-rspecifier> <feats-wspecifier>",
        (2,),
        _add_deltas,
        (
            Option("truncate", 0, "If not zero, keep only so many dimensions first"),
            Option("delta-order", 2, "Order of the deltas"),
            Option("delta-window", 2, "Frames on either side that a slope is fitted to"),
        ),
    ),
}
