"""compute-mfcc-feats, compute-fbank-feats, compute-plp-feats."""

from collections.abc import Mapping

import numpy as np

from pysid.errors import DataError
from pysid.frontend.mel import FbankConfig, MfccConfig, PlpConfig
from pysid.frontend.plain.features import PlainFeatures
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import FLOAT, MATRIX, WAVE
from pysid.kaldi.log import six_digits
from pysid.kaldi.run import Program, Run
from pysid.kaldi.wave import Wave


def _compute_mfcc(run: Run) -> int:
    return _compute(run, PlainFeatures(MfccConfig.from_kaldi(_frontend_options(run))))


def _compute_fbank(run: Run) -> int:
    return _compute(run, PlainFeatures(FbankConfig.from_kaldi(_frontend_options(run))))


def _compute_plp(run: Run) -> int:
    return _compute(run, PlainFeatures(PlpConfig.from_kaldi(_frontend_options(run))))


def _frontend_options(run: Run) -> Mapping[str, str]:
    """What the front-end needs: the options given, and Kaldi's defaults where the front-end's own differ."""
    given = {name: text for name, text in run.given.items() if name in _FRONTEND_NAMES}
    return {"dither": str(run.options["dither"]), **given}


def _compute(run: Run, extractor: PlainFeatures) -> int:
    source, target = run.arguments
    if run.options["output-format"] != "kaldi":
        raise DataError(f"--output-format={run.options['output-format']} is not supported by pysid: only kaldi is")
    writer = run.write(target, MATRIX)
    durations = run.write(run.options["write-utt2dur"], FLOAT) if run.options["write-utt2dur"] else None
    n_all = n_done = 0
    for key, wave in run.read(source, WAVE):
        n_all += 1
        try:
            features = _features(run, key, wave, extractor)
        except _Skip as reason:
            run.log.warn(str(reason))
            continue
        writer.write(key, features)
        if durations is not None:
            durations.write(key, wave.duration_s)
        n_done += 1
        if n_all % 10 == 0:
            run.log.info(f"Processed {n_all} utterances")
        run.log.remark(2, f"Processed features for key {key}")
    run.log.info(f" Done {n_done} out of {n_all} utterances.")
    return 0 if n_done else 1


class _Skip(Exception):
    """Why an utterance has no features."""


def _features(run: Run, key: str, wave: Wave, extractor: PlainFeatures) -> np.ndarray:
    if wave.duration_s < run.options["min-duration"]:
        raise _Skip(f"File: {key} is too short ({six_digits(wave.duration_s)} sec): producing no output.")
    samples = np.ascontiguousarray(wave.samples[_channel(run, key, len(wave.samples))])
    samples = _resampled(run, key, samples, wave.sample_rate, extractor.config.sample_rate)
    features: np.ndarray = extractor(samples)
    if len(features) == 0:
        return np.zeros((0, 0), np.float32)
    if run.options["subtract-mean"]:
        features = features - features.mean(axis=0, dtype=np.float64)
    return features


def _channel(run: Run, key: str, n_channels: int) -> int:
    channel = int(run.options["channel"])
    if channel == -1:
        if n_channels != 1:
            run.log.warn(f"Channel not specified but you have data with {n_channels} channels; defaulting to zero")
        return 0
    if not 0 <= channel < n_channels:
        raise _Skip(
            f"File with id {key} has {n_channels} channels but you specified channel {channel}, producing no output."
        )
    return channel


def _resampled(run: Run, key: str, samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The waveform at the rate of the options, if they allow resampling."""
    if rate == wanted:
        return samples
    option = "allow-downsample" if rate > wanted else "allow-upsample"
    if not run.options[option]:
        raise _Skip(
            f"Failed to compute features for utterance {key}: waveform and config sample frequency mismatch: {rate} "
            f".vs {wanted} (use --{option}=true to allow it to be changed)"
        )
    import torch

    from pysid._torchaudio import functional

    wave = torch.from_numpy(samples)[None]
    resampled: np.ndarray = functional.resample(wave, rate, wanted, lowpass_filter_width=6, rolloff=0.99)[0].numpy()
    return resampled


_FRONTEND_OPTIONS = (
    Option("sample-frequency", 16000.0, "Sampling rate that the waveforms must have (Hz)"),
    Option("frame-length", 25.0, "Length of a frame (ms)"),
    Option("frame-shift", 10.0, "Time from one frame to the next (ms)"),
    Option("dither", 1.0, "Standard deviation of the noise added to the samples; 0 for repeatable features"),
    Option("preemphasis-coefficient", 0.97, "Coefficient of the pre-emphasis"),
    Option("remove-dc-offset", True, "Subtract the mean of each frame"),
    Option("window-type", "povey", "hamming, hanning, povey, rectangular, sine or blackman"),
    Option("blackman-coeff", 0.42, "Coefficient of the Blackman window"),
    Option("round-to-power-of-two", True, "Pad frames with zeros for the FFT"),
    Option("snip-edges", True, "Only frames that lie within the waveform; if false, reflect its ends"),
    Option("allow-downsample", False, "Resample waveforms of a higher rate"),
    Option("allow-upsample", False, "Resample waveforms of a lower rate"),
    Option("max-feature-vectors", -1, "No effect: bounds the memory of Kaldi's online features"),
    Option("num-mel-bins", 23, "Number of filters"),
    Option("low-freq", 20.0, "Lower edge of the filters (Hz)"),
    Option("high-freq", 0.0, "Upper edge of the filters (Hz); if not positive, relative to half the rate"),
    Option("vtln-low", 100.0, "Lower bend of the VTLN warping", supported=False),
    Option("vtln-high", -500.0, "Upper bend of the VTLN warping", supported=False),
    Option("debug-mel", False, "Print the filters", supported=False),
    Option("energy-floor", 0.0, "Least energy of a frame, before the logarithm"),
    Option("raw-energy", True, "Take the energy before pre-emphasis and window"),
    Option("htk-compat", False, "Put the energy, or c0, last"),
)
_PROGRAM_OPTIONS = (
    Option("output-format", "kaldi", "Format of the output; only kaldi"),
    Option("subtract-mean", False, "Subtract the mean of each utterance's features"),
    Option("vtln-warp", 1.0, "VTLN warp factor", supported=False),
    Option("vtln-map", "", "Table of VTLN warp factors", supported=False),
    Option("utt2spk", "", "Table of speakers, for --vtln-map", supported=False),
    Option("channel", -1, "Channel to use, counted from 0; -1 expects a single one"),
    Option("min-duration", 0.0, "Shorter waveforms are left out (seconds)"),
    Option("write-utt2dur", "", "Table to write durations to, in seconds, such as ark,t:utt2dur"),
)
_MFCC_OPTIONS = (
    Option("num-ceps", 13, "Number of cepstra, c0 included"),
    Option("use-energy", True, "Put the log energy in place of c0"),
    Option("cepstral-lifter", 22.0, "Scaling of the cepstra; 0 for none"),
)
_FBANK_OPTIONS = (
    Option("use-energy", False, "Add the log energy as a dimension"),
    Option("use-log-fbank", True, "Take the logarithm of the filters' outputs"),
    Option("use-power", True, "Filter the power instead of the magnitude"),
)
_PLP_OPTIONS = (
    Option("num-ceps", 13, "Number of cepstra, the energy included"),
    Option("use-energy", True, "Put the log energy in place of the residual's"),
    Option("lpc-order", 12, "Order of the linear prediction"),
    Option("compress-factor", 0.33333, "Power that energies are raised to"),
    Option("cepstral-lifter", 22, "Scaling of the cepstra; 0 for none"),
    Option("cepstral-scale", 1.0, "Factor of all cepstra"),
)
_FRONTEND_NAMES = {option.name for option in (*_FRONTEND_OPTIONS, *_MFCC_OPTIONS, *_FBANK_OPTIONS, *_PLP_OPTIONS)}

PROGRAMS = {
    "compute-mfcc-feats": Program(
        "Compute MFCCs of WAV files (16-bit PCM).\n"
        "Usage: compute-mfcc-feats [options] <wav-rspecifier> <feats-wspecifier>",
        (2,),
        _compute_mfcc,
        (*_FRONTEND_OPTIONS, *_MFCC_OPTIONS, *_PROGRAM_OPTIONS),
    ),
    "compute-fbank-feats": Program(
        "Compute log-mel filter banks of WAV files (16-bit PCM).\n"
        "Usage: compute-fbank-feats [options] <wav-rspecifier> <feats-wspecifier>",
        (2,),
        _compute_fbank,
        (*_FRONTEND_OPTIONS, *_FBANK_OPTIONS, *_PROGRAM_OPTIONS),
    ),
    "compute-plp-feats": Program(
        "Compute PLP cepstra of WAV files (16-bit PCM).\n"
        "Usage: compute-plp-feats [options] <wav-rspecifier> <feats-wspecifier>",
        (2,),
        _compute_plp,
        (*_FRONTEND_OPTIONS, *_PLP_OPTIONS, *_PROGRAM_OPTIONS),
    ),
}
