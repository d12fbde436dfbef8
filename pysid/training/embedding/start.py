"""Starting a training from the weights of another, as in fine-tuning with a larger margin on longer chunks."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pysid.config import read_formatted
from pysid.errors import DataError, one_line
from pysid.io.text import RowFormat, read_rows, write_lines
from pysid.model.directory import shipped_models
from pysid.training.checkpoint import latest_state
from pysid.training.embedding.classifier import SpeakerClassifier
from pysid.training.embedding.flavours import merged
from pysid.training.folder import START_FROM

HEAD, NETWORK = "head.", "network."
BLOCKS = f"{NETWORK}blocks."
BLOCK = re.compile(rf"{re.escape(BLOCKS)}(\d+)\.")
NEW_PART = re.compile(rf"{re.escape(NETWORK)}(blocks\.\d+\.excitation|pooling\.(hidden|scores))\..*")
COUNTER = ".num_batches_tracked"  # of a batch norm, which a model directory leaves out
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"  # of a model directory
OF_MODEL = ("network", "frontend", "extract")  # settings that a training takes from the model that it starts from
CLASSES_FILE = "classes"  # beside the states: the class of each row of the head, by name, one per line


def check_classes(directory: Path, classes: Sequence[str]) -> None:
    """Makes sure that the rows of the head of a training stand for `classes`, where it says whom they stand for.

    Args:
        directory: `out` of the training.
        classes: those of the data that it is to go on with.
    Raises:
        DataError: they stand for others.
    """
    if not (directory / CLASSES_FILE).exists():
        return
    known, wanted = list(_known_classes(directory)), list(classes)
    if known == wanted:
        return
    apart = {"new": sorted(set(wanted).difference(known)), "missing": sorted(set(known).difference(wanted))}
    firsts = [f"{names[0]!r} is {what}" for what, names in apart.items() if names]
    raise DataError(
        f"{directory} holds a training of other speakers ({len(known)} classes, now {len(wanted)}; "
        f"{', '.join(firsts) or 'in another order'}): {START_FROM}"
    )


def with_model(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with the network, front-end and extraction of the model that they start from underneath.

    Raises:
        DataError: the model's settings cannot be read.
    """
    start_from = settings.get("start_from")
    if not isinstance(start_from, str) or not (path := find_start(start_from) / CONFIG_FILE).is_file():
        return settings
    model = read_formatted(path)
    return merged({name: model[name] for name in OF_MODEL if name in model}, settings)


def find_start(start_from: str) -> Path:
    """The folder of a training or of a model that a training starts from, which may go by the name of a model."""
    given = Path(start_from)
    return given if given.exists() else shipped_models().get(start_from, given)


def write_classes(directory: Path, classes: Sequence[str]) -> None:
    """Notes whom the rows of the head stand for."""
    write_lines(directory / CLASSES_FILE, classes)


@torch.no_grad()
def load_start(classifier: SpeakerClassifier, classes: Sequence[str], directory: Path) -> set[int]:
    """Copies the weights of the latest state of a training, or of a model directory, into another classifier.

    Rows of the head go by the names of their classes, so that the other training may have more speakers, or fewer;
    classes that are new keep their initial weights, see `pysid.training.embedding.imprinting` for what follows. The
    heads may be of two kinds: each has a row of weights a class, whose direction means the same, and what only one of
    them has is left as it is. A model directory has no head. A residual network with attention pooling, with
    squeeze-excitation or with more blocks may start from one without: see `with_attention`, `with_new_parts` and
    `with_new_blocks`.

    Args:
        classes: of the rows of the head.
        directory: `out` of the training to start from, or a model directory.
    Returns:
        The rows of the classes that were known.
    Raises:
        DataError: there is no state, it is damaged, of another network or head, or of none of these classes.
    """
    state = {_common_name(name): x for name, x in classifier.state_dict().items()}
    if (directory / WEIGHTS_FILE).exists():
        path, known = directory / WEIGHTS_FILE, {}
        saved: Mapping[str, Tensor] = {f"{NETWORK}{name}": x for name, x in _read(path).items()}
    else:
        path, known = _latest(directory), _known_classes(directory)
        if classes and not known.keys() & set(classes):
            path = directory / CLASSES_FILE
            raise DataError(f"{path}: expected some of the {len(classes)} classes, got none of them")
        saved = _read(path / WEIGHTS_FILE)
    saved = with_new_parts(with_new_blocks(with_attention(saved, state), state), state)
    apart = (name for name in saved.keys() ^ state.keys() if not name.startswith(HEAD))
    if other := sorted(name for name in apart if not name.endswith(COUNTER)):
        raise DataError(f"{path}: expected weights of this network, got others, such as {other[0]}")
    rows = [(new, known[name]) for new, name in enumerate(classes) if name in known]
    for name, tensor in state.items():
        old = saved.get(name)
        if old is None:
            continue
        if name.startswith(HEAD) and tensor.ndim and len(tensor) == len(classes) and len(old) == len(known):
            tensor[[new for new, _ in rows]] = old[[row for _, row in rows]]
        elif old.shape == tensor.shape:
            tensor.copy_(old)
        elif not name.startswith(f"{HEAD}maps."):  # of other teachers
            raise DataError(f"{path}: expected {name} {tuple(tensor.shape)}, got {tuple(old.shape)}")
    return {new for new, _ in rows}


def with_attention(saved: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights of a residual network with statistics pooling as those of one with attention pooling.

    Each head starts as statistics pooling: it gets what follows in the old network, with its share of the affine
    layer, and attends to all frames almost alike; the small differences let heads grow apart. `saved` as it is where
    either is something else.
    """
    hidden, heads, affine = (f"{NETWORK}{name}" for name in ("pooling.hidden", "pooling.heads", "affine.weight"))
    if f"{heads}.weight" not in state or f"{heads}.weight" in saved or affine not in saved:
        return saved
    n_heads = len(state[f"{heads}.weight"])
    new = dict(saved)
    for name in [name for name in saved if name.startswith(f"{NETWORK}pooled_norm.") and saved[name].ndim]:
        new[name] = saved[name].repeat(n_heads)  # head by head [mean | std]
    new[affine] = saved[affine].repeat(1, n_heads) / n_heads
    new |= {f"{hidden}.{name}": state[f"{hidden}.{name}"] for name in ("weight", "bias")}
    new |= {f"{heads}.weight": 0.3 * state[f"{heads}.weight"], f"{heads}.bias": torch.zeros(n_heads)}
    return new


def with_new_parts(saved: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights of a residual network with the initial weights of parts that another has besides.

    These are squeeze-excitation and the attention of attentive pooling, which change nothing until they are trained.
    """
    missing = [name for name in state if name not in saved and NEW_PART.fullmatch(name)]
    return {**saved, **{name: state[name] for name in missing}}


def with_new_blocks(saved: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Weights of a residual network as those of one with more blocks at the end of its stages.

    A new block starts as one that changes nothing: the last batch norm beside its shortcut has weights of zero, after
    which what comes through the shortcut, never negative, passes the ReLU. `saved` as it is where the stages of the
    two do not match, or blocks are of another kind.

    Source: Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1, for such batch norms.
    """
    old, new = _stages(saved), _stages(state)
    if len(old) != len(new) or not all(len(a) <= len(b) for a, b in zip(old, new, strict=True)):
        return saved
    place = {a: b for ours, theirs in zip(old, new, strict=True) for a, b in zip(ours, theirs, strict=False)}
    grown = {
        BLOCK.sub(lambda found: f"{BLOCKS}{place[int(found[1])]}.", name): tensor for name, tensor in saved.items()
    }
    for block in {index for stage in new for index in stage}.difference(place.values()):
        prefix = f"{BLOCKS}{block}."
        grown |= {name: tensor for name, tensor in state.items() if name.startswith(prefix)}
        last = "third" if f"{prefix}third.norm.weight" in state else "second"  # of a bottleneck, of a basic block
        closing = f"{prefix}{last}.norm.weight"
        if closing not in state:
            return saved
        grown[closing] = torch.zeros_like(state[closing])
    return grown


def _stages(names: Mapping[str, Tensor]) -> list[list[int]]:
    """The indices of a residual network's blocks, stage by stage: the first of each changes the shape."""
    indices = sorted({int(found[1]) for name in names if (found := BLOCK.match(name))})
    stages: list[list[int]] = []
    for index in indices:
        if not stages or f"{BLOCKS}{index}.shortcut.conv.weight" in names:
            stages.append([])
        stages[-1].append(index)
    return stages


def _latest(directory: Path) -> Path:
    path = latest_state(directory)
    if path is None:
        raise DataError(f"{directory}: expected a training to start from, got no folder state-*")
    return path


def _known_classes(directory: Path) -> dict[str, int]:
    names = read_rows(directory / CLASSES_FILE, RowFormat("class", (1,)))
    return {name: row for row, (_, (name,)) in enumerate(names)}


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        tensors = safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot start from it: {one_line(error)}") from None
    return {_common_name(name.removeprefix("module.")): x for name, x in tensors.items()}  # of several processes


def _common_name(name: str) -> str:
    """The name of a tensor whatever the head.

    Softmax has its rows in an affine layer, the angular ones in `weight`, a distillation in its margin's `weight`.
    """
    return name.replace(f"{HEAD}affine.", HEAD).replace(f"{HEAD}margin.", HEAD)
