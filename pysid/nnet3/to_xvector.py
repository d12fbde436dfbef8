"""Reading Kaldi's plain x-vector networks into our own `XVector`; `from_xvector` is the way back.

Plain means: affine layers over spliced frames, each followed by ReLU and batch norm in either order;
statistics pooling; further such layers. Kaldi's voxceleb/v2 network and the extended TDNN (etdnn) are plain;
factorised layers are not, and `graph.load_nnet3` runs them as they are.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pysid.embedding.tdnn import TdnnLayer
from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.nnet3.builders import batch_norm_moments, build_layer
from pysid.nnet3.components import ComponentRecord
from pysid.nnet3.config_lines import ComponentNode, ConfigLine, InputNode, OutputNode, read_config_lines
from pysid.nnet3.descriptors import Append, Descriptor, Node, Offset, Round
from pysid.nnet3.file import Nnet3Model, read_nnet3
from pysid.nnet3.layers import Affine

_VARIANCE_FLOOR = np.float32(1e-10)


@dataclass
class _Block:
    """An affine layer and what follows it up to the next one."""

    node: str
    affine: Affine
    offsets: tuple[int, ...]
    norm: ComponentRecord | None = None
    order: list[str] = field(default_factory=list)  # of "relu" and "norm"


def load_xvector(path: PathLike, extract_config: PathLike | None = None) -> XVector:
    """Reads an nnet3 network into an `XVector`, ready for extraction.

    Args:
        path: a `.raw` or `.mdl` file.
        extract_config: Kaldi's `extract.config`, which names the layer of the embedding; without it, the
            first layer behind the pooling.
    Raises:
        DataError: the file is broken (see `read_nnet3`), or the network is not a plain x-vector network.

    The network pools all frames of a chunk, where Kaldi's pools the first 10001: the same up to that length.
    """
    model = read_nnet3(path)
    return make_xvector(model, None if extract_config is None else _output_line(extract_config))


def make_xvector(model: Nnet3Model, output: ConfigLine | None = None) -> XVector:
    """`load_xvector` of a network that is read already.

    Args:
        model: the network, as it is or cut off at its embedding.
        output: the line of the output node, which names the layer of the embedding; without it, the first layer
            behind the pooling.
    """
    frame_blocks, segment_blocks = _blocks(model)
    embedding_layer = 0 if output is None else _embedding_layer(segment_blocks, output)
    if len(segment_blocks) - 1 > embedding_layer and not segment_blocks[-1].order:
        segment_blocks.pop()  # the output layer, which is no part of an XVector
    network = XVector(_config(model, frame_blocks, segment_blocks, embedding_layer))
    layers = [*network.frame_layers, *network.segment_layers]
    for layer, block in zip(layers, frame_blocks + segment_blocks, strict=True):
        assert isinstance(layer, TdnnLayer)
        _fill(layer, block)
    return network.eval()


def segment_nodes(model: Nnet3Model) -> list[str]:
    """The nodes of the affine layers behind the pooling, in order. Raises DataError: as `load_xvector`."""
    return [block.node for block in _blocks(model)[1]]


def _blocks(model: Nnet3Model) -> tuple[list[_Block], list[_Block]]:
    """The affine layers before and behind the pooling, followed from the input on."""
    blocks: list[_Block] = []
    pooled_at: int | None = None
    extraction: ComponentRecord | None = None
    for line, record, source in _chain(model):
        match record.type:
            case "RectifiedLinearComponent" | "BatchNormComponent" if blocks and pooled_at != len(blocks):
                step = "relu" if record.type == "RectifiedLinearComponent" else "norm"
                if step in blocks[-1].order:
                    raise _not_plain(line, f"a second {step}")
                blocks[-1].order.append(step)
                blocks[-1].norm = record if step == "norm" else blocks[-1].norm
            case "StatisticsExtractionComponent" if blocks and pooled_at is None:
                extraction = record
            case "StatisticsPoolingComponent" if extraction is not None:
                _check_pooling(extraction, record)
                pooled_at = len(blocks)
            case "LogSoftmaxComponent" | "SoftmaxComponent":
                break
            case _:
                layer = build_layer(record)
                if not isinstance(layer, Affine):
                    raise _not_plain(line, record.type)
                blocks.append(_Block(line.node.name, layer, _offsets(line, source, layer)))
    if pooled_at in (None, 0, len(blocks)):
        raise DataError(f"{model.source}: expected layers before and after statistics pooling, got none")
    return blocks[:pooled_at], blocks[pooled_at:]


def _chain(model: Nnet3Model) -> list[tuple[ConfigLine, ComponentRecord, str]]:
    """The component nodes from the input on, each with its component and the name of the node before it."""
    users: dict[str, list[ConfigLine]] = {}
    for line in model.lines:
        if isinstance(line.node, ComponentNode):
            for source in set(line.node.input.nodes()):
                users.setdefault(source, []).append(line)
    chain: list[tuple[ConfigLine, ComponentRecord, str]] = []
    name = next((line.node.name for line in model.lines if isinstance(line.node, InputNode)), "")
    while following := users.pop(name, []):
        line = following[0]
        assert isinstance(line.node, ComponentNode)
        if len(following) > 1 or len(set(line.node.input.nodes())) > 1 or line.node.component not in model.components:
            raise _not_plain(following[-1], "another wiring")
        chain.append((line, model.components[line.node.component], name))
        name = line.node.name
    return chain


def _offsets(line: ConfigLine, source: str, layer: Affine) -> tuple[int, ...]:
    """Which frames of its source an affine node sees."""
    assert isinstance(line.node, ComponentNode)
    descriptor = line.node.input
    parts = descriptor.sources if isinstance(descriptor, Append) else (descriptor,)
    offsets = [_offset(part, source) for part in parts]
    if layer.offsets != (0,):
        offsets = [offset if offsets == [0] else None for offset in layer.offsets]
    known = [offset for offset in offsets if offset is not None]
    if known != sorted(set(known)) or len(known) != len(offsets):
        raise _not_plain(line, f"the input {descriptor}")
    return tuple(known)


def _offset(part: Descriptor, source: str) -> int | None:
    match part:
        case Node(name) | Round(Node(name), 1) if name == source:
            return 0
        case Offset(Node(name), frames) if name == source:
            return frames
        case _:
            return None


def _check_pooling(extraction: ComponentRecord, pooling: ComponentRecord) -> None:
    expected = {
        "InputPeriod": 1,
        "LeftContext": 0,
        "NumLogCountFeatures": 0,
        "OutputStddevs": True,
        "VarianceFloor": _VARIANCE_FLOOR,
    }
    for record, wanted in (
        (extraction, {"InputPeriod": 1, "OutputPeriod": 1, "IncludeVarinance": True}),
        (pooling, expected),
    ):
        for key, value in wanted.items():
            if record[key] != value:
                raise record.error(f"<{key}> {value} in a plain x-vector network", record[key])


def _output_line(extract_config: PathLike) -> ConfigLine:
    for line in read_config_lines(extract_config):
        if isinstance(line.node, OutputNode) and line.node.name == "output":
            return line
    raise DataError(f"{extract_config}: expected an output-node with the name output, got none")


def _embedding_layer(segment_blocks: list[_Block], output: ConfigLine) -> int:
    assert isinstance(output.node, OutputNode)
    names = [block.node for block in segment_blocks]
    wanted = str(output.node.input)
    if wanted in names:
        return names.index(wanted)
    raise DataError(f"{output.where}: expected input={' or '.join(names)}, got {wanted}")


def _config(
    model: Nnet3Model, frame_blocks: list[_Block], segment_blocks: list[_Block], embedding_layer: int
) -> XVectorConfig:
    complete = frame_blocks + segment_blocks
    if not segment_blocks[-1].order:
        complete = complete[:-1]  # a network cut off at its embedding needs no ReLU there
    orders = {tuple(block.order) for block in complete}
    if len(orders) != 1 or set(next(iter(orders))) != {"relu", "norm"}:
        raise DataError(
            f"{model.source}: expected ReLU and batch norm behind every layer, in one order, "
            f"got {sorted(map(list, orders))}; pysid.nnet3.graph.load_nnet3 runs such a network"
        )
    eps = {float(block.norm["Epsilon"]) for block in complete if block.norm is not None}
    if len(eps) != 1:
        raise DataError(f"{model.source}: expected one epsilon in all batch norms, got {sorted(eps)}")
    first = frame_blocks[0]
    return XVectorConfig(
        feature_dim=first.affine.in_dim // len(first.offsets),
        frame_layers=tuple(FrameLayerConfig(x.affine.out_dim, x.offsets) for x in frame_blocks),
        segment_dims=tuple(x.affine.out_dim for x in segment_blocks),
        embedding_layer=embedding_layer,
        order="relu-norm" if next(iter(orders))[0] == "relu" else "norm-relu",
        norm_eps=round(eps.pop(), 9),
        kaldi_rounding=True,
    )


@torch.no_grad()
def _fill(layer: TdnnLayer, block: _Block) -> None:
    weight, bias = block.affine.weight, block.affine.bias
    if weight.shape != layer.affine.weight.shape:
        expected = tuple(layer.affine.weight.shape)
        raise DataError(f"node {block.node}: expected {expected} weights, got {tuple(weight.shape)}")
    layer.affine.weight.copy_(weight)
    layer.affine.bias.copy_(torch.zeros_like(layer.affine.bias) if bias is None else bias)
    if block.norm is None:
        return
    if block.norm["TargetRms"] != 1 or block.norm.get("BlockDim", layer.norm.num_features) != layer.norm.num_features:
        raise block.norm.error("a target of 1 and one block in a plain x-vector network", "another")
    mean, variance = batch_norm_moments(block.norm)
    buffers = layer.norm.running_mean, layer.norm.running_var
    for buffer, values in zip(buffers, (mean, variance), strict=True):
        assert isinstance(buffer, Tensor)
        if len(values) != len(buffer):
            raise block.norm.error(f"{len(buffer)} dimensions", len(values))
        buffer.copy_(torch.from_numpy(values))


def _not_plain(line: ConfigLine, found: str) -> DataError:
    return DataError(
        f"{line.where}: node {line.node.name}: expected a plain x-vector network, got {found}; "
        "pysid.nnet3.graph.load_nnet3 runs networks of other forms"
    )
