"""What pysid's readers of other toolkits are checked against: numbers that those toolkits gave for made-up weights.

A case in `tests/golden/toolkits` has the names and shapes of a checkpoint's tensors, the first numbers of a waveform's
features and embedding, and the toolkit that gave them. On both sides `weights_of` and `waveform` make the weights and
the waveform, so that no weights are stored. `tests/golden/toolkits/make.py` makes the cases.
"""

import json
import tarfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[1] / "tests" / "golden" / "toolkits"
FILES = {  # weights and settings of each toolkit's models
    "speechbrain": ("embedding_model.ckpt", "hyperparams.yaml"),
    "3d": ("campplus_cn_common.bin", None),
    "pyannote": ("pytorch_model.bin", None),
    "wespeaker": ("avg_model.pt", "config.yaml"),
    "resemblyzer": ("pretrained.pt", None),
    "nemo": ("model_weights.ckpt", "model_config.yaml"),
}
N_NUMBERS = 16  # of an embedding that are kept
N_FRAMES, N_BANDS = 3, 5  # of the features


@dataclass(frozen=True)
class Case:
    """One network of one toolkit.

    Attributes:
        made_by: the toolkit, and its version or commit.
        shapes: of the tensors of its checkpoint.
        settings: the text of its settings file.
        embedding: the first numbers of the embedding of all of `waveform()`.
        embedding_norm: its length.
        features: of the first frames, where the toolkit made them.
    """

    made_by: str
    shapes: dict[str, list[int]]
    settings: str
    embedding: list[float]
    embedding_norm: float
    features: list[list[float]]

    @classmethod
    def read(cls, name: str) -> "Case":
        return cls(**json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))

    def write(self, name: str) -> None:
        plain = asdict(self)
        shapes = plain.pop("shapes")
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in plain.items()]
        tensors = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in shapes.items())
        text = "{\n" + ",\n".join(lines) + ',\n  "shapes": {\n' + tensors + "\n  }\n}\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def weights_of(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Weights that keep activations near 1, from nothing but the names and shapes of tensors."""
    return {name: torch.from_numpy(_tensor(name, shape)) for name, shape in shapes.items()}


def write_model(name: str, folder: Path) -> Path:
    """What a toolkit has on the disk, with the weights of a case."""
    case = Case.read(name)
    weights, settings = FILES[name.partition("-")[0]]
    torch.save(weights_of(case.shapes), folder / weights)
    if settings is not None:
        (folder / settings).write_text(case.settings)
    return _archived(folder) if name.startswith("nemo") else folder


def _archived(folder: Path) -> Path:
    """NeMo's archive of the files of a folder."""
    with tarfile.open(folder / "model.nemo", "w") as archive:
        for name in filter(None, FILES["nemo"]):
            archive.add(folder / name, f"./{name}")
            (folder / name).unlink()
    return folder / "model.nemo"


def _tensor(name: str, shape: list[int]) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.array(1)
    random = np.random.RandomState(zlib.crc32(name.encode()))  # its numbers are promised never to change
    x = random.standard_normal(shape)
    if name.endswith("running_var"):
        return (1 + 0.5 * np.tanh(x)).astype(np.float32)
    if len(shape) < 2:
        return (1.0 * name.endswith("weight") + 0.2 * x).astype(np.float32)
    return (x * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


def waveform() -> np.ndarray:
    """(S,) 1.3 s at 16 kHz and int16 scale: a rising tone of many harmonics, with noise and a pause."""
    t = np.arange(20800) / 16000
    tone = sum(np.sin(2 * np.pi * k * (110 * t + 25 * t**2)) / k for k in range(1, 30))
    noise = np.random.RandomState(0).standard_normal(len(t))
    wave = 3000 * tone * (0.4 + 0.6 * np.sin(9 * t) ** 2) + 30 * noise
    wave[9000:11000] = 2 * noise[9000:11000]
    return np.round(wave).astype(np.float32)


def case(made_by: str, state: dict[str, Any], settings: str, embedding: Any, features: Any) -> Case:
    """A case from what a toolkit gave, tensors or arrays."""
    vector = np.asarray(embedding, np.float64).ravel()
    return Case(
        made_by=made_by,
        shapes={name: list(x.shape) for name, x in state.items()},
        settings=settings,
        embedding=[float(f"{x:.7g}") for x in vector[:N_NUMBERS]],
        embedding_norm=float(f"{np.linalg.norm(vector):.7g}"),
        features=[[float(f"{x:.7g}") for x in row[:N_BANDS]] for row in np.asarray(features)[:N_FRAMES]],
    )
