"""A folder of damaged, odd and hostile recordings among good ones: each costs only itself, and little of that."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import soundfile

RATE = 16000
MOST_BYTES = 1 << 30
GOOD = {
    "a.wav": ("WAV", "PCM_16"),
    "b.flac": ("FLAC", "PCM_24"),
    "c.ogg": ("OGG", "VORBIS"),
    "d.opus": ("OGG", "OPUS"),
    "e.mp3": ("MP3", "MPEG_LAYER_III"),
    "f.aiff": ("AIFF", "PCM_16"),
    "g.au": ("AU", "ULAW"),
    "h.w64": ("W64", "FLOAT"),
    "i.caf": ("CAF", "ALAC_16"),
    "j\nk\x1b[31m.dat": ("WAV", "GSM610"),
}


def wav_header(rate=RATE, channels=1, bits=16, n_bytes=32000, form=1):
    """The header of a WAV file that claims what it is told to."""
    frame = channels * bits // 8
    numbers = [(16, 4), (form, 2), (channels, 2), (rate, 4), (rate * frame, 4), (frame, 2), (bits, 2)]
    body = b"".join((value & ((1 << 8 * size) - 1)).to_bytes(size, "little") for value, size in numbers)
    size = n_bytes.to_bytes(4, "little")
    return b"RIFF" + (n_bytes + 36 & 0xFFFFFFFF).to_bytes(4, "little") + b"WAVEfmt " + body + b"data" + size


def encoded(path, wave, form, subtype, rate=RATE):
    soundfile.write(path, wave, rate, format=form, subtype=subtype)
    return path.read_bytes()


def bad_files(folder, speech):
    """{name: content} of thirty files that cannot be used."""
    whole = {name: encoded(folder / "x", speech, *form) for name, form in GOOD.items()}
    flac = bytearray(whole["b.flac"])
    flac[21] |= 0x0F  # 2^36 samples and more
    flac[22:26] = b"\xff" * 4
    noise = np.random.default_rng(0)
    odd = speech.astype(np.float32).copy()
    odd[7000] = np.nan
    endless = speech.astype(np.float32).copy()
    endless[7000] = np.inf
    files = {
        "empty.wav": b"",
        "text.wav": b"This is no audio.\n" * 500,
        "header.wav": wav_header()[:20],
        "no-samples.wav": wav_header(n_bytes=0),
        "cut.wav": whole["a.wav"][:9000],
        "cut.flac": whole["b.flac"][:9000],
        "cut.aiff": whole["f.aiff"][:9000],
        "cut.w64": whole["h.w64"][:9000],
        "claims.flac": bytes(flac[:-5]),  # torn as well: one that is whole is read, whatever it claims
        "rate-0.wav": wav_header(rate=0) + bytes(32000),
        "rate-huge.wav": wav_header(rate=2**31 - 1) + bytes(32000),
        "rate-999.wav": wav_header(rate=999) + bytes(range(250)) * 100,
        "channels-0.wav": wav_header(channels=0) + bytes(32000),
        "channels-many.wav": wav_header(channels=65535) + bytes(32000),
        "bits.wav": wav_header(bits=77) + bytes(32000),
        "codec.wav": wav_header(form=0x1234) + bytes(32000),
        "nan.wav": encoded(folder / "x", odd, "WAV", "FLOAT"),
        "infinity.wav": encoded(folder / "x", endless, "WAV", "FLOAT"),
        "loud.wav": encoded(folder / "x", np.full(RATE, 1e38, np.float32), "WAV", "FLOAT"),
        "silent.wav": encoded(folder / "x", np.zeros(RATE), "WAV", "PCM_16"),
        "short.wav": encoded(folder / "x", speech[:80], "WAV", "PCM_16"),
        "days.flac": encoded(folder / "x", np.zeros(25 * 3600 * 1000, np.int16), "FLAC", "PCM_16", 1000),
        "noise.mp3": noise.bytes(20_000),
        "noise.raw": noise.bytes(20_000),
        "frame.mp3": b"\xff\xfb\x90\x64" + bytes(50),
        "page.ogg": whole["c.ogg"][:60],
        "picture.wav": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "archive.wav": b"PK\x03\x04" + bytes(500),
        "document.mp3": b"%PDF-1.4\n" + bytes(500),
    }
    (folder / "x").unlink()
    return files


@pytest.mark.slow  # and memory that of a process of its own
@pytest.mark.skipif(not hasattr(os, "fork"), reason="memory is that of a process")
def test_thirty_bad_files_and_ten_good_ones(dev, model, tmp_path):
    speech, rate = soundfile.read(dev / "audio" / "slt-0.ogg")
    folder = tmp_path / "in"
    folder.mkdir()
    bad = bad_files(tmp_path, speech)
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    (folder / "gone.wav").symlink_to("nowhere")
    for name, (form, subtype) in GOOD.items():
        soundfile.write(os.fspath(folder / name), speech, rate, format=form, subtype=subtype)
    command = [sys.executable, "-m", "pysid", "embed", folder, tmp_path / "x.npz", "--model", model]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    used = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert outcome.returncode == 1 and outcome.stdout == f"{tmp_path}/x.npz: 10 embeddings\n", outcome.stderr
    lines = outcome.stderr[outcome.stderr.index("skipped 30 of 40 utterances:") :].splitlines()
    assert len(lines) == 31 and "\x1b" not in outcome.stderr and "Traceback" not in outcome.stderr
    listed = "\n".join(lines)
    assert all(f"  {name.partition('.')[0]}" in listed for name in [*bad, "gone.wav"])
    assert used < MOST_BYTES or used == 1024 * before, f"{used >> 20} MiB"
    assert np.isfinite(np.load(tmp_path / "x.npz")["vectors"]).all()
