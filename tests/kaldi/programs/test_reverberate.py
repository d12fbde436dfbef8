"""wav-reverberate: what the reference commands do not show."""

import io

import numpy as np
import pytest
import soundfile

from pysid.kaldi.stand_ins import run_program

WAVE = np.round(3000 * np.sin(np.arange(4000) / 7)).astype(np.int16)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", WAVE, 16000, subtype="PCM_16")
    soundfile.write("noise.wav", WAVE[::-1], 16000, subtype="PCM_16")
    soundfile.write("stereo.wav", np.stack([WAVE, WAVE[::-1]], 1), 16000, subtype="PCM_16")
    soundfile.write("slow.wav", WAVE, 8000, subtype="PCM_16")
    rooms = np.zeros((300, 2), np.int16)
    rooms[10, 0] = rooms[40, 1] = 32767
    soundfile.write("rooms.wav", rooms, 16000, subtype="PCM_16")
    return tmp_path


def run(*words):
    status = run_program("wav-reverberate", [*words, "out.wav"])
    return status, soundfile.read(io.BytesIO(open("out.wav", "rb").read()), dtype="int16")[0]


def test_nothing_asked_changes_nothing(folder):
    status, out = run("in.wav")
    assert status == 0
    np.testing.assert_array_equal(out, WAVE)


def test_noises_may_be_commands(folder):
    options = ("--snrs=5,10", "--start-times=0,0.1")
    _, files = run("--additive-signals=noise.wav,noise.wav", *options, "in.wav")
    _, commands = run("--additive-signals=cat noise.wav |,cat noise.wav |", *options, "cat in.wav |")
    np.testing.assert_array_equal(files, commands)
    assert np.abs(files - WAVE).max() > 100


def test_channels(folder):
    _, both = run("--impulse-response=rooms.wav", "--multi-channel-output=true", "stereo.wav")
    _, second = run("--impulse-response=rooms.wav", "--rir-channel=1", "stereo.wav")
    _, other_input = run("--input-wave-channel=1", "stereo.wav")
    assert both.shape == (4000, 2)
    np.testing.assert_array_equal(both[:, 1], second)
    np.testing.assert_array_equal(other_input, WAVE[::-1])


def test_too_loud_is_clipped_with_a_warning(folder, capfd):
    status, out = run("--volume=20", "in.wav")
    assert (status, out.max(), out.min()) == (0, 32767, -32768)
    assert "clipped" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--additive-signals=noise.wav", "in.wav"], "--snrs: expected a number for each of 1 additive signals, got 0"),
        (
            ["--additive-signals=noise.wav", "--snrs=1", "--start-times=0,1", "in.wav"],
            "--start-times: expected a number",
        ),
        (["--additive-signals=noise.wav", "--snrs=x", "in.wav"], "--snrs: expected numbers, got 'x'"),
        (["--additive-signals=slow.wav", "--snrs=1", "--start-times=0", "in.wav"], "slow.wav: expected 16000 Hz like"),
        (["--impulse-response=slow.wav", "in.wav"], "slow.wav: expected 16000 Hz like the input, got 8000 Hz"),
        (["--impulse-response=none.wav", "in.wav"], "none.wav: cannot read the file"),
        (["--input-wave-channel=1", "in.wav"], "expected a channel of the wave below 1, got 1"),
        (["--multi-channel-output=true", "in.wav"], "expected an impulse response, whose channels"),
    ],
)
def test_refusals(words, message, folder, capfd):
    assert run_program("wav-reverberate", [*words, "out.wav"]) == 255
    assert message in capfd.readouterr().err
    assert not (folder / "out.wav").exists()
