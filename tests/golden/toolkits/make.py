"""Makes the cases of `benchmarks.toolkit_golden`, where the toolkits are installed or checked out.

python tests/golden/toolkits/make.py speechbrain
python tests/golden/toolkits/make.py wespeaker PATH_OF_ITS_CHECKOUT COMMIT
python tests/golden/toolkits/make.py resemblyzer
python tests/golden/toolkits/make.py 3d-speaker PATH_OF_ITS_CHECKOUT COMMIT
python tests/golden/toolkits/make.py nemo PATH_OF_ITS_CHECKOUT COMMIT    # with librosa and omegaconf alone

NeMo's modules are run from its source files, with empty stand-ins for what they import besides PyTorch.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[3]))

import pysid._torchaudio
from benchmarks.toolkit_golden import Case, case, waveform, weights_of

torchaudio = pysid._torchaudio.load("torchaudio")  # also where its compiled part does not load
SPEECHBRAIN_ECAPA = """\
n_mels: 40
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: !ref <n_mels>
    channels: [32, 32, 32, 32, 96]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 16
    res2net_scale: 4
    se_channels: 8
    lin_neurons: 24
modules:
    compute_features: !ref <compute_features>
"""


def filled(network: torch.nn.Module) -> tuple[torch.nn.Module, dict[str, Any]]:
    shapes = {name: list(x.shape) for name, x in network.state_dict().items()}
    network.load_state_dict(weights_of(shapes))
    return network.eval(), network.state_dict()


def speechbrain_settings(n_mels: int, network: str) -> str:
    return f"""\
n_mels: {n_mels}
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.{network}
"""


SPEECHBRAIN_XVECTOR = """Xvector.Xvector
    in_channels: !ref <n_mels>
    activation: !name:torch.nn.LeakyReLU
    tdnn_blocks: 5
    tdnn_channels: [32, 32, 32, 32, 48]
    tdnn_kernel_sizes: [5, 3, 3, 1, 1]
    tdnn_dilations: [1, 2, 3, 1, 1]
    lin_neurons: 24"""
SPEECHBRAIN_RESNET = """ResNet.ResNet
    input_size: !ref <n_mels>
    channels: [8, 8, 16, 16]
    block_sizes: [2, 2, 2, 1]
    strides: [1, 2, 2, 2]
    lin_neurons: 24"""


def speechbrain() -> dict[str, Case]:
    import speechbrain
    from hyperpyyaml import load_hyperpyyaml
    from speechbrain.nnet.pooling import StatisticsPooling

    # It adds noise of up to 9e-5 to the means, in evaluation too.
    StatisticsPooling._get_gauss_noise = lambda self, shape, device="cpu": torch.zeros(shape)
    made, made_by = {}, f"SpeechBrain {speechbrain.__version__}"
    texts = {
        "speechbrain-ecapa": SPEECHBRAIN_ECAPA,
        "speechbrain-xvector": speechbrain_settings(24, SPEECHBRAIN_XVECTOR),
        "speechbrain-resnet": speechbrain_settings(30, SPEECHBRAIN_RESNET),
    }
    for name, text in texts.items():
        settings = load_hyperpyyaml(text)
        network, state = filled(settings["embedding_model"])
        features = settings["compute_features"](torch.from_numpy(waveform())[None] / 32768)
        embedding = network(settings["mean_var_norm"](features, torch.ones(1)), torch.ones(1))
        made[name] = case(made_by, state, text, embedding, features[0])
    return made


def resemblyzer() -> dict[str, Case]:
    from importlib.metadata import version

    import librosa
    from resemblyzer import VoiceEncoder, preprocess_wav, wav_to_mel_spectrogram

    encoder, state = filled(VoiceEncoder("cpu", verbose=False))
    wave = preprocess_wav(waveform() / 32768)
    made_by = f"Resemblyzer {version('Resemblyzer')}, librosa {librosa.__version__}"
    return {"resemblyzer": case(made_by, state, "", encoder.embed_utterance(wave), 1e4 * wav_to_mel_spectrogram(wave))}


def kaldi_fbank(window: str, scale: float, n_mels: int = 80) -> torch.Tensor:
    return torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(waveform())[None] / scale, num_mel_bins=n_mels, sample_frequency=16000, window_type=window
    )


def threed_speaker(checkout: str, commit: str) -> dict[str, Case]:
    sys.path.insert(0, checkout)
    made_by = f"3D-Speaker {commit}, torchaudio {torchaudio.__version__}"
    n_bands = {"3d-speaker-campplus": 80, "3d-speaker-ecapa": 40, "3d-speaker-eres2net": 24}
    bands = {name: kaldi_fbank("povey", 32768, n) for name, n in n_bands.items()}
    networks = {
        "3d-speaker-campplus": import_module("speakerlab.models.campplus.DTDNN").CAMPPlus(80, 192),
        "3d-speaker-ecapa": import_module("speakerlab.models.ecapa_tdnn.ECAPA_TDNN").ECAPA_TDNN(
            40, 24, channels=[32, 32, 32, 32, 96], attention_channels=16, res2net_scale=4, se_channels=8
        ),
        "3d-speaker-eres2net": import_module("speakerlab.models.eres2net.ERes2Net").ERes2Net(
            num_blocks=[2, 1, 2, 1], m_channels=8, feat_dim=24, embedding_size=12
        ),
    }
    made = {}
    for name, empty in networks.items():
        network, state = filled(empty)
        features = bands[name]
        embedding = network((features - features.mean(0))[None])
        made[name] = case(made_by, state, "", embedding, features)
    return made


def wespeaker(checkout: str, commit: str) -> dict[str, Case]:
    sys.path.insert(0, checkout)
    models = {name: import_module(f"wespeaker.models.{name}") for name in ("resnet", "ecapa_tdnn", "campplus", "tdnn")}
    networks = {  # names in config.yaml, options
        "wespeaker-resnet18": (models["resnet"].ResNet18, {"feat_dim": 40, "embed_dim": 24}),
        "wespeaker-resnet50": (models["resnet"].ResNet50, {"feat_dim": 16, "embed_dim": 24}),
        "wespeaker-ecapa": (models["ecapa_tdnn"].ECAPA_TDNN_c512, {"feat_dim": 80, "embed_dim": 192}),
        "wespeaker-ecapa-glob": (
            models["ecapa_tdnn"].ECAPA_TDNN_GLOB_c512,
            {"feat_dim": 80, "embed_dim": 192, "emb_bn": True},
        ),
        "wespeaker-campplus": (models["campplus"].CAMPPlus, {"feat_dim": 80, "embed_dim": 512}),
        "wespeaker-xvector": (models["tdnn"].XVEC, {"feat_dim": 40, "embed_dim": 24, "hid_dim": 32, "stats_dim": 48}),
    }
    made, made_by = {}, f"WeSpeaker {commit}, torchaudio {torchaudio.__version__}"
    for name, (make, options) in networks.items():
        features = kaldi_fbank("hamming", 1.0, options["feat_dim"])
        network, state = filled(make(**options))
        embedding = network((features - features.mean(0))[None])
        embedding = embedding[-1] if isinstance(embedding, tuple) else embedding
        settings = f"model: {make.__name__}\nmodel_args: {options}\n"
        made[name] = case(made_by, state, settings, embedding, features)
    # pyannote.audio's copy of the same code has its tensors under another name.
    features = kaldi_fbank("hamming", 1.0)
    network, state = filled(torch.nn.ModuleDict({"resnet": models["resnet"].ResNet34(80, 256)}))
    embedding = network["resnet"]((features - features.mean(0))[None])[-1]
    made["pyannote-resnet34"] = case(made_by, state, "", embedding, features)
    return made


NEMO_TITANET = """\
target: nemo.collections.asr.models.label_models.EncDecSpeakerLabelModel
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  normalize: per_feature
  window_size: 0.025
  sample_rate: 16000
  window_stride: 0.01
  window: hann
  features: 40
  n_fft: 512
  frame_splicing: 1
  dither: 1.0e-05
encoder:
  _target_: nemo.collections.asr.modules.ConvASREncoder
  feat_in: 40
  activation: relu
  conv_mask: true
  jasper:
  - {filters: 32, repeat: 1, kernel: [3], stride: [1], dilation: [1], dropout: 0.0, residual: false, separable: true,
     se: true, se_context_size: -1}
  - {filters: 32, repeat: 3, kernel: [7], stride: [1], dilation: [1], dropout: 0.1, residual: true, separable: true,
     se: true, se_context_size: -1}
  - {filters: 32, repeat: 2, kernel: [11], stride: [1], dilation: [1], dropout: 0.1, residual: true, separable: true,
     se: true, se_context_size: -1}
  - {filters: 48, repeat: 1, kernel: [1], stride: [1], dilation: [1], dropout: 0.0, residual: false, separable: true,
     se: true, se_context_size: -1}
decoder:
  _target_: nemo.collections.asr.modules.SpeakerDecoder
  feat_in: 48
  num_classes: 7
  pool_mode: attention
  emb_sizes: 24
  angular: true
"""


class NemoSource:
    """Modules of NeMo from a checkout; those that only its framework needs are stand-ins."""

    REAL = (
        "nemo.collections.asr.parts.submodules.jasper",
        "nemo.collections.asr.parts.submodules.tdnn_attention",
        "nemo.collections.asr.parts.preprocessing.features",
        "nemo.collections.asr.modules.conv_asr",
    )

    def __init__(self, checkout: str) -> None:
        self.root = Path(checkout)
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        from importlib.machinery import ModuleSpec
        from importlib.util import spec_from_file_location

        if name in self.REAL:
            return spec_from_file_location(name, self.root / (name.replace(".", "/") + ".py"))
        return ModuleSpec(name, self, is_package=True) if name.split(".", maxsplit=1)[0] == "nemo" else None  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        def absent(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            if name == "NeuralModule":
                return torch.nn.Module
            if name == "typecheck":
                return lambda: lambda function: function
            if name == "activation_registry":
                return {"relu": torch.nn.ReLU}
            methods = ("__init__", "is_adapter_available", "is_access_enabled", "debug", "info", "warning")
            return type(name, (), dict.fromkeys(methods, lambda *args, **options: None))

        module.__getattr__ = absent


def nemo(checkout: str, commit: str) -> dict[str, Case]:
    import yaml

    NemoSource(checkout)
    conv_asr = import_module("nemo.collections.asr.modules.conv_asr")
    features = import_module("nemo.collections.asr.parts.preprocessing.features")
    settings = yaml.safe_load(NEMO_TITANET)
    options = {part: {k: v for k, v in settings[part].items() if k != "_target_"} for part in ("encoder", "decoder")}
    encoder, decoder = conv_asr.ConvASREncoder(**options["encoder"]), conv_asr.SpeakerDecoder(**options["decoder"])
    _, state = filled(torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder}))
    preprocessor = features.FilterbankFeatures(n_window_size=400, n_fft=512, nfilt=40, preemph=0.97).eval()
    wave = torch.from_numpy(waveform())[None] / 32768
    bands, n_frames = preprocessor(wave, torch.tensor([wave.shape[1]]))
    _, embedding = decoder(*encoder(audio_signal=bands, length=n_frames))
    preprocessor.normalize = None  # for the features alone: the network's part of pysid does that
    plain, _ = preprocessor(wave, torch.tensor([wave.shape[1]]))
    return {"nemo-titanet": case(f"NeMo {commit}, from source", state, NEMO_TITANET, embedding, plain[0].T)}


MAKERS: dict[str, Callable[..., dict[str, Case]]] = {
    "speechbrain": speechbrain,
    "resemblyzer": resemblyzer,
    "wespeaker": wespeaker,
    "3d-speaker": threed_speaker,
    "nemo": nemo,
}

if __name__ == "__main__":
    with torch.no_grad():
        for name, made in MAKERS[sys.argv[1]](*sys.argv[2:]).items():
            made.write(name)
            print(name, made.embedding[:3], made.embedding_norm)
