"""A single `.onnx` file as a whole model: the settings beside it say what is unusual about its input.

The settings of `model.onnx` are in `model.yaml` or `model.json`, with the keys of a model directory's `config.json`.
All may be left out: the front-end is then that of WeSpeaker, which most networks follow.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pysid.config import from_plain, read_plain, to_plain
from pysid.embedding.onnx_network import fixed_frames, open_session
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.io.files import atomic_text, read_bytes

ENDING = ".onnx"
SETTINGS_ENDINGS = (".yaml", ".json")

WESPEAKER = FrontendConfig(features=FbankConfig(n_mels=80, window_type="hamming", use_energy=True))
"""wespeaker/bin/infer_onnx.py, compute_fbank, without dither; the energy is for the VAD of diarization.

Its mean over the utterance is taken off by `OnnxNetwork`, which goes by what it is given: an utterance, or a window.
"""


def read_onnx_settings(path: Path) -> tuple[dict[str, Any], str]:
    """The configuration of the model that an `.onnx` file is, and where it is from, for messages.

    Returns:
        plain values of a `ModelConfig`; what the settings leave out, and the file tells, is filled in.
    Raises:
        DataError: the settings or the file cannot be read, or the file does not tell how wide its embeddings are.
    """
    files = [file for file in map(path.with_suffix, SETTINGS_ENDINGS) if file.exists()]
    if len(files) > 1:
        raise DataError(f"{path}: expected settings in one file, got both {files[0].name} and {files[1].name}")
    where = str(files[0] if files else path)
    given = read_plain(files[0]) if files else {}
    plain = {"frontend": to_plain(WESPEAKER), "network": {}, **given}
    if not isinstance(plain["network"], Mapping):
        return plain, where  # will be refused
    network = {"kind": "onnx", "skip_energy": "frontend" not in given, **plain["network"]}
    if "feature_dim" not in network:
        network["feature_dim"] = from_plain(FrontendConfig, plain["frontend"], f"{where}: frontend").dim
    if "embedding_dim" not in network:
        network = {**_sizes(path, network), **network}
    # Utterances whole, as WeSpeaker takes them, unless the network cannot.
    frames = network.get("fixed_frames")
    extract = {"chunk_size": frames, "min_chunk_size": frames} if frames else {"chunk_size": -1}
    return {"extract": extract, **plain, "network": network}, where


def write_onnx_settings(path: Path, config: Any) -> None:
    """Writes a `pysid.model.config.ModelConfig` as the settings of an `.onnx` file."""
    with atomic_text(path.with_suffix(".json")) as file:
        json.dump(to_plain(config), file, indent=2)
        file.write("\n")


def _sizes(path: Path, network: Mapping[str, Any]) -> dict[str, int]:
    """What a graph tells about its sizes: its `embedding_dim`, and its `fixed_frames` where it has any."""
    session = open_session(read_bytes(path), str(path))
    outputs = session.get_outputs()
    shape = next((value for value in outputs if value.name == network.get("output")), outputs[0]).shape
    widths = [size for size in shape[1:] if size != 1]
    if len(widths) != 1 or not isinstance(widths[0], int):
        raise DataError(f"{path}: the graph does not tell the width of its embeddings: set network.embedding_dim")
    n_frames = fixed_frames(session.get_inputs()[0].shape, network.get("layout"))
    return {"embedding_dim": widths[0], **({"fixed_frames": n_frames} if n_frames else {})}
