"""Two processes train on what one process would: the same chunks, with the same noises, rooms, speeds and masks."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from pysid.io.audio.files import write_audio

VOICES = Path(__file__).parents[3] / "examples" / "train"
N_STEPS, BATCH_SIZE = 3, 6

# `pysid train`, which also writes down what each step trains on.
WITNESS = """
import sys
from pathlib import Path

import numpy as np

from pysid.training.embedding import run as experiment
from pysid.cli.main import main

folder = Path(sys.argv.pop(1))


class Witness(experiment.Trainer):
    def _step(self, inputs, labels, writer):  # the reading process has made features of a batch of its own
        a, step = self.accelerator, self.progress.step
        drawn, _ = self.batches.epoch(0, a.process_index, a.num_processes)[step]
        name = f"{a.num_processes}-{a.process_index}-{step}.npz"
        np.savez(folder / name, features=inputs, classes=labels, kinds=drawn.corruptions.kinds)
        super()._step(inputs, labels, writer)


experiment.Trainer = Witness
main()
"""


@pytest.fixture
def config(tmp_path):
    rng = np.random.default_rng(0)
    write_audio(tmp_path / "noise.flac", 800 * rng.standard_normal(9000), 16000)
    (tmp_path / "wav.scp").write_text("noise noise.flac\n")
    response = np.r_[np.zeros(20), 30000, 9000 * rng.standard_normal(1500) * 0.997 ** np.arange(1500)]
    write_audio(tmp_path / "room.flac", response, 16000)
    (tmp_path / "rir_list").write_text("--rir-id 1 --room-id 1 room.flac\n")
    plain = {
        "train": str(VOICES),
        "network": {"frame_layers": [{"dim": 8, "offsets": [0, 2]}], "segment_dims": [8]},
        "chunks": {
            "min_frames": 40,
            "max_frames": 60,
            "batch_size": BATCH_SIZE,
            "chunks_per_epoch": N_STEPS * BATCH_SIZE,
            "min_utterance_frames": 1,
            "min_utterances": 1,
        },
        "augment": {
            "probability": 0.7,
            "noises": str(tmp_path),
            "speech": str(VOICES),
            "rooms": f"{tmp_path}/rir_list",
        },
        "speed": {},
        "spec_augment": {"max_time_frames": 5},
        "trainer": {"n_epochs": 1, "device": "cpu", "n_threads": 1, "n_workers": 1},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(plain))
    (tmp_path / "witness.py").write_text(WITNESS)
    return tmp_path / "config.yaml"


def train(config: Path, out: str, launcher: list[str]) -> None:
    folder = config.parent
    command = [*launcher, str(folder / "witness.py"), str(folder), "train", str(config), f"out={folder / out}"]
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_two_processes_see_the_batches_of_one(config):
    train(config, "one", [])
    train(config, "two", ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"])
    kinds = []
    for step in range(N_STEPS):
        whole, *shares = (np.load(config.parent / f"{name}-{step}.npz") for name in ("1-0", "2-0", "2-1"))
        assert [len(share["classes"]) for share in shares] == [BATCH_SIZE // 2] * 2
        for key in ("classes", "kinds"):
            np.testing.assert_array_equal(np.stack([share[key] for share in shares], 1).ravel(), whole[key])
        features = np.stack([share["features"] for share in shares], 1).reshape(whole["features"].shape)
        np.testing.assert_allclose(features, whole["features"], rtol=1e-3, atol=0.02)  # rounding of quiet bands
        kinds += list(whole["kinds"])
    assert set(kinds) == {"clean", "noise", "babble", "reverb"}
