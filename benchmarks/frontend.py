"""Speed of the front-end: `python -m benchmarks.frontend [--only WORD ...] [--one-core] [--json PATH]`.

MFCCs with the options of Kaldi's VoxCeleb recipe, filter banks, VAD and CMVN, without dither, of eight recordings of 3
to 10 s and of one of two minutes; compared with torchaudio, kaldi-native-fbank where it is installed, and Kaldi's own
program where it is on PATH.
"""

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.kaldi_programs import BY, timed
from benchmarks.measure.speed import MEMORY, Job, Speed, parser, run
from pysid.frontend import VOXCELEB, Fbank, FbankConfig, Frontend, Mfcc, MfccConfig, energy_vad, sliding_cmvn
from pysid.io.audio.files import write_audio

SAMPLE_RATE = VOXCELEB.sample_rate
SHORT_S = (3, 4, 5, 6, 7, 8, 9, 10)
LONG_S = (120,)
FRAMES_PER_S = 100
MEL = {"num-mel-bins": "30", "high-freq": "7600", "snip-edges": "false"}
MFCC = {**MEL, "num-ceps": "30"}


def speech_like(seconds: float) -> Tensor:
    """(S,) noise at int16 scale whose every fourth half-second is quiet, for the VAD to drop."""
    wave = 1000 * torch.randn(int(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(0))
    half_second = torch.arange(len(wave)) // (SAMPLE_RATE // 2)
    return torch.where(half_second % 4 == 3, wave / 1000, wave)


def ours(kind: str, durations_s: Sequence[float]) -> Callable[[], Any]:
    """pysid's features of each recording by itself."""
    waves = [speech_like(s)[None] for s in durations_s]
    modules: dict[str, Callable[[], torch.nn.Module]] = {
        "mfcc": lambda: Mfcc(MfccConfig.from_kaldi(MFCC, kaldi_fft=False)),
        "mfcc, Kaldi's FFT": lambda: Mfcc(MfccConfig.from_kaldi(MFCC)),
        "fbank": lambda: Fbank(FbankConfig.from_kaldi(MEL, kaldi_fft=False)),
        "frontend": lambda: Frontend(VOXCELEB),
    }
    module = modules[kind]()
    return lambda: [module(wave) for wave in waves]


def one_batch(durations_s: Sequence[float]) -> Callable[[], Any]:
    """MFCCs of a padded batch."""
    waves = [speech_like(s) for s in durations_s]
    batch = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    mfcc, lengths = Mfcc(MfccConfig.from_kaldi(MFCC, kaldi_fft=False)), [len(wave) for wave in waves]
    return lambda: mfcc(batch, lengths)


def after_features(kind: str, durations_s: Sequence[float]) -> Callable[[], Any]:
    """VAD or CMVN of MFCCs that are already computed."""
    mfcc = Mfcc(MfccConfig.from_kaldi(MFCC, kaldi_fft=False))
    features = [mfcc(speech_like(s)[None]) for s in durations_s]
    assert VOXCELEB.vad is not None and VOXCELEB.cmvn is not None
    if kind == "vad":
        return lambda: [energy_vad(x[..., 0], config=VOXCELEB.vad) for x in features]
    return lambda: [sliding_cmvn(x, config=VOXCELEB.cmvn) for x in features]


def torchaudio(kind: str, durations_s: Sequence[float]) -> Callable[[], Any]:
    from pysid._torchaudio import compliance_kaldi

    waves = [speech_like(s)[None] for s in durations_s]
    common = {"sample_frequency": SAMPLE_RATE, "num_mel_bins": 30, "high_freq": 7600.0, "snip_edges": False}
    more = {"num_ceps": 30, "use_energy": True} if kind == "mfcc" else {}
    function = getattr(compliance_kaldi, kind)
    return lambda: [function(wave, **common, **more, energy_floor=0.0, dither=0.0) for wave in waves]


def native_fbank(kind: str, durations_s: Sequence[float]) -> Callable[[], Any]:
    """kaldi-native-fbank, which takes a recording from Python as a list of numbers or an array."""
    import kaldi_native_fbank as native

    options = native.MfccOptions() if kind == "mfcc" else native.FbankOptions()
    options.frame_opts.dither, options.frame_opts.snip_edges = 0.0, False
    options.mel_opts.num_bins, options.mel_opts.high_freq = 30, 7600.0
    if kind == "mfcc":
        options.num_ceps = 30
    waves = [speech_like(s).numpy() for s in durations_s]

    def features(wave: np.ndarray) -> np.ndarray:
        extractor = (native.OnlineMfcc if kind == "mfcc" else native.OnlineFbank)(options)
        extractor.accept_waveform(SAMPLE_RATE, wave)
        extractor.input_finished()
        return np.stack([extractor.get_frame(i) for i in range(extractor.num_frames_ready)])

    return lambda: [features(wave) for wave in waves]


def jobs() -> list[Job]:
    short, long = sum(SHORT_S), sum(LONG_S)
    lines: list[tuple[str, str, Sequence[float], Callable[..., Any], tuple[Any, ...]]] = [
        ("MFCC", "pysid", SHORT_S, ours, ("mfcc",)),
        ("MFCC", "torchaudio", SHORT_S, torchaudio, ("mfcc",)),
        ("MFCC", "kaldi-native-fbank", SHORT_S, native_fbank, ("mfcc",)),
        ("MFCC with Kaldi's rounding", "pysid", SHORT_S, ours, ("mfcc, Kaldi's FFT",)),
        (f"MFCC, one padded batch of {len(SHORT_S)}", "pysid", SHORT_S, one_batch, ()),
        (f"MFCC, {long} s", "pysid", LONG_S, ours, ("mfcc",)),
        ("filter banks", "pysid", SHORT_S, ours, ("fbank",)),
        ("filter banks", "torchaudio", SHORT_S, torchaudio, ("fbank",)),
        ("filter banks", "kaldi-native-fbank", SHORT_S, native_fbank, ("fbank",)),
        ("MFCC, VAD, CMVN, voiced frames", "pysid", SHORT_S, ours, ("frontend",)),
        (f"MFCC, VAD, CMVN, voiced frames, {long} s", "pysid", LONG_S, ours, ("frontend",)),
    ]
    n = MfccConfig().n_fft
    operations = FRAMES_PER_S * (2.5 * n * np.log2(n) + 4 * n)  # real FFTs, and the filters on their squares
    made = [Job(what, by, sum(d), make, (*a, d), operations * sum(d)) for what, by, d, make, a in lines]
    # Bytes of the frames, and of the results.
    row = FRAMES_PER_S * 4.0 * 30
    made.append(Job("VAD", "pysid", short, after_features, ("vad", SHORT_S), short * FRAMES_PER_S * 5.0, MEMORY))
    made.append(Job("sliding CMVN", "pysid", short, after_features, ("cmvn", SHORT_S), short * 2 * row, MEMORY))
    return [x for x in made if x.by != "kaldi-native-fbank" or importlib.util.find_spec("kaldi_native_fbank")]


def kaldi() -> list[Speed]:
    """compute-mfcc-feats, including its start and the reading and writing of files."""
    if not shutil.which("compute-mfcc-feats"):
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = []
        for i, s in enumerate(SHORT_S):
            write_audio(folder / f"{i}.wav", speech_like(s).numpy(), SAMPLE_RATE)
            lines.append(f"{i} {folder / f'{i}.wav'}\n")
        (folder / "wav.scp").write_text("".join(lines))
        options = [f"--{key}={value}" for key, value in MFCC.items()]
        command = ["compute-mfcc-feats", "--dither=0", *options, f"scp:{folder}/wav.scp", f"ark:{folder}/out.ark"]
        taken = timed(command, "MFCC", sum(SHORT_S), "s")
    return [Speed("MFCC", BY, sum(SHORT_S) / taken.one_core_s, None, None, "", taken.peak_gib)]


if __name__ == "__main__":
    options = parser("benchmarks.frontend", __doc__, rounds=20).parse_args()
    run(options, jobs(), kaldi())
