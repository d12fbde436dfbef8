"""Starting a training from the weights of another, as in fine-tuning with a larger margin on longer chunks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pysid.errors import DataError, one_line
from pysid.io.text import RowFormat, read_rows, write_lines
from pysid.training.checkpoint import latest_state
from pysid.training.embedding.classifier import SpeakerClassifier

HEAD = "head."
CLASSES_FILE = "classes"  # beside the states: the class of each row of the head, by name, one a line


def write_classes(directory: Path, classes: Sequence[str]) -> None:
    """Notes whom the rows of the head stand for."""
    write_lines(directory / CLASSES_FILE, classes)


@torch.no_grad()
def load_start(classifier: SpeakerClassifier, classes: Sequence[str], directory: Path) -> int:
    """Copies the weights of the latest state of a training into another classifier.

    Rows of the head go by the names of their classes, so that the other training may have more speakers, or fewer;
    classes that are new keep their initial weights. The heads may be of two kinds: each has a row of weights a class,
    whose direction means the same, and what only one of them has is left as it is.

    Args:
        classes: of the rows of the head.
        directory: `out` of the training to start from.
    Returns:
        How many of the classes were known.
    Raises:
        DataError: there is no state, it is damaged, of another network or head, or of none of these classes.
    """
    path = latest_state(directory)
    if path is None:
        raise DataError(f"{directory}: expected a training to start from, got no folder state-*")
    names = read_rows(directory / CLASSES_FILE, RowFormat("class", (1,)))
    known = {name: row for row, (_, (name,)) in enumerate(names)}
    rows = [(new, known[name]) for new, name in enumerate(classes) if name in known]
    if not rows:
        raise DataError(f"{directory / CLASSES_FILE}: expected some of the {len(classes)} classes, got none of them")
    saved, state = _read(path), {_common_name(name): x for name, x in classifier.state_dict().items()}
    if other := sorted(name for name in saved.keys() ^ state.keys() if not name.startswith(HEAD)):
        raise DataError(f"{path}: expected weights of this network, got others, such as {other[0]}")
    new_rows, old_rows = map(list, zip(*rows, strict=True))
    for name, tensor in state.items():
        old = saved.get(name)
        if old is None:
            continue
        if name.startswith(HEAD) and tensor.ndim and len(tensor) == len(classes) and len(old) == len(known):
            tensor[new_rows] = old[old_rows]
        elif old.shape == tensor.shape:
            tensor.copy_(old)
        else:
            raise DataError(f"{path}: expected {name} {tuple(tensor.shape)}, got {tuple(old.shape)}")
    return len(rows)


def _read(state: Path) -> Mapping[str, Tensor]:
    try:
        tensors = safetensors.torch.load_file(state / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise DataError(f"{state}: cannot start from this state: {one_line(error)}") from None
    return {_common_name(name.removeprefix("module.")): x for name, x in tensors.items()}  # of several processes


def _common_name(name: str) -> str:
    """The name of a tensor whatever the head: softmax has its rows in an affine layer, the angular ones in `weight`."""
    return name.replace(f"{HEAD}affine.", HEAD)
