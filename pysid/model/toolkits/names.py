"""Weights of ECAPA-TDNN by our names and in our layout, from those of other toolkits."""

import re

import torch
from torch import Tensor

from pysid.embedding.ecapa import EcapaConfig

Weights = dict[str, Tensor]

_NORM = r"(?P<norm>weight|bias|running_mean|running_var|num_batches_tracked)"
_SPEECHBRAIN = [
    (r"blocks\.0\.conv\.conv\.(?P<affine>\w+)", "first.affine"),
    (rf"blocks\.0\.norm\.norm\.{_NORM}", "first.norm"),
    (r"blocks\.(?P<block>\d+)\.tdnn1\.conv\.conv\.(?P<affine>\w+)", "before.affine"),
    (rf"blocks\.(?P<block>\d+)\.tdnn1\.norm\.norm\.{_NORM}", "before.norm"),
    (
        r"blocks\.(?P<block>\d+)\.res2net_block\.blocks\.(?P<scale>\d+)\.conv\.conv\.(?P<affine>\w+)",
        "affine",
    ),
    (rf"blocks\.(?P<block>\d+)\.res2net_block\.blocks\.(?P<scale>\d+)\.norm\.norm\.{_NORM}", "norm"),
    (r"blocks\.(?P<block>\d+)\.tdnn2\.conv\.conv\.(?P<affine>\w+)", "after.affine"),
    (rf"blocks\.(?P<block>\d+)\.tdnn2\.norm\.norm\.{_NORM}", "after.norm"),
    (r"blocks\.(?P<block>\d+)\.se_block\.conv1\.conv\.(?P<affine>\w+)", "squeeze"),
    (r"blocks\.(?P<block>\d+)\.se_block\.conv2\.conv\.(?P<affine>\w+)", "excite"),
    (r"mfa\.conv\.conv\.(?P<affine>\w+)", "aggregate"),
    (rf"mfa\.norm\.norm\.{_NORM}", "aggregate_norm"),
    (r"asp\.tdnn\.conv\.conv\.(?P<affine>\w+)", "pooling.hidden"),
    (rf"asp\.tdnn\.norm\.norm\.{_NORM}", "pooling.norm"),
    (r"asp\.conv\.conv\.(?P<affine>\w+)", "pooling.scores"),
    (rf"asp_bn\.norm\.{_NORM}", "statistics_norm"),
    (r"fc\.conv\.(?P<affine>\w+)", "dense"),
]
_WESPEAKER = [
    (r"layer1\.conv\.(?P<affine>\w+)", "first.affine"),
    (rf"layer1\.bn\.{_NORM}", "first.norm"),
    (r"layer(?P<block>\d)\.se_res2block\.0\.conv\.(?P<affine>\w+)", "before.affine"),
    (rf"layer(?P<block>\d)\.se_res2block\.0\.bn\.{_NORM}", "before.norm"),
    (r"layer(?P<block>\d)\.se_res2block\.1\.convs\.(?P<scale>\d+)\.(?P<affine>\w+)", "affine"),
    (rf"layer(?P<block>\d)\.se_res2block\.1\.bns\.(?P<scale>\d+)\.{_NORM}", "norm"),
    (r"layer(?P<block>\d)\.se_res2block\.2\.conv\.(?P<affine>\w+)", "after.affine"),
    (rf"layer(?P<block>\d)\.se_res2block\.2\.bn\.{_NORM}", "after.norm"),
    (r"layer(?P<block>\d)\.se_res2block\.3\.linear1\.(?P<affine>\w+)", "squeeze"),
    (r"layer(?P<block>\d)\.se_res2block\.3\.linear2\.(?P<affine>\w+)", "excite"),
    (r"conv\.(?P<affine>\w+)", "aggregate"),
    (r"pool\.linear1\.(?P<affine>\w+)", "pooling.hidden"),
    (r"pool\.linear2\.(?P<affine>\w+)", "pooling.scores"),
    (rf"bn\.{_NORM}", "statistics_norm"),
    (r"linear\.(?P<affine>\w+)", "dense"),
    (rf"bn2\.{_NORM}", "norm"),
]


def ecapa_of_speechbrain(weights: Weights) -> Weights:
    """SpeechBrain's names, which 3D-Speaker shares; blocks are counted from 1 there."""
    return _renamed(weights, _SPEECHBRAIN, first_block=1)


def ecapa_of_wespeaker(weights: Weights, config: EcapaConfig) -> Weights:
    """WeSpeaker's names. There the last group of channels of a block is not convolved, here it is the first."""
    found = _renamed(weights, _WESPEAKER, first_block=2)
    width = config.channels // config.scale
    for name, x in found.items():
        if re.fullmatch(r"blocks\.\d+\.before\..*", name) and x.ndim:
            found[name] = x.roll(width, 0)
        elif re.fullmatch(r"blocks\.\d+\.after\.affine\.weight", name):
            found[name] = x.roll(width, 1)
    return found


def time_major(x: Tensor) -> Tensor:
    """The weight (out, in, k) of a convolution over time as that of `TdnnLayer`'s affine part, (out, k * in)."""
    return x.permute(0, 2, 1).flatten(1) if x.ndim == 3 else x


def _renamed(weights: Weights, patterns: list[tuple[str, str]], first_block: int) -> Weights:
    """Names that fit no pattern stay as they are, for the message that they are superfluous."""
    found: Weights = {}
    for name, x in weights.items():
        for pattern, ours in patterns:
            if match := re.fullmatch(pattern, name):
                given = match.groupdict()
                parts = [] if given.get("block") is None else [f"blocks.{int(given['block']) - first_block}"]
                parts += [] if given.get("scale") is None else [f"scales.{given['scale']}"]
                parts += [ours, given.get("affine") or given["norm"]]
                found[".".join(parts)] = x if "norm" in given else time_major(x)
                break
        else:
            found[name] = x
    return found


def swap_time_and_bands(weights: Weights) -> Weights:
    """Weights of convolutions over (bands, time) for inputs that are (time, bands)."""
    return {k: v.transpose(2, 3) if isinstance(v, torch.Tensor) and v.ndim == 4 else v for k, v in weights.items()}
