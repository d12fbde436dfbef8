"""Fixtures for the parts that put the others together: a small model, the example voices, broken recordings."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import settings

from pysid.cli.verbosity import Verbosity
from pysid.progress import LOGGER, bars

EXAMPLES = Path(__file__).parents[1] / "examples"

# What takes over a second of processor time: recipes and trainings, benchmarks, killed processes, browsers, clusters.
# Folders, files and tests by the beginning of their names; single tests elsewhere have the mark `slow` themselves.
SLOW = (
    "recipes/",
    "benchmarks/",
    "parallel/test_cluster.py",
    "cli/test_docs.py",
    "report/test_page_browser.py",
    "kaldi/test_real_scripts.py",
    "test_real_speech.py",
    "training/test_trainer.py",
    "training/activity/test_run.py",
    "training/segmentation/test_run.py",
    "speakers/test_database.py::test_several_processes",
    "speakers/test_database.py::test_a_process_killed",
    "speakers/test_identify.py::test_a_process_killed",
)

# How long an example takes says more of the machine than of the code; speed is for benchmarks/.
settings.register_profile("pysid", deadline=None)
settings.load_profile("pysid")

# Side by side (pytest -n auto) each process has one thread, and so have the processes that it starts.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore_glob = ["golden/*/make.py"]  # they need the toolkits whose files they make


CPU_S = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--cpu N`: which tests took most processor time. A clock on the wall says more of what else runs."""
    parser.addoption("--cpu", type=int, metavar="N", help="list the N tests that took most processor seconds")


def _cpu_s() -> float:
    """Seconds of this process, all threads, and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Notes what a phase of a test took: all since the phase before."""
    report = yield
    now = _cpu_s()
    report.user_properties.append(("cpu_s", now - item.stash.get(CPU_S, now)))
    item.stash[CPU_S] = now
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[CPU_S] = _cpu_s()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The list of `--cpu`; what several tests share is counted with the first of them."""
    if not config.getoption("--cpu"):
        return
    spent: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "cpu_s":
                    spent[report.nodeid] += value
    terminalreporter.section(f"{sum(spent.values()):.0f} processor seconds in {len(spent)} tests")
    for test, cpu_s in spent.most_common(config.getoption("--cpu")):
        terminalreporter.line(f"{cpu_s:7.2f}  {test}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is slow by its place."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(tests):
            name = f"{item.path.relative_to(tests).as_posix()}::{item.name}"
            if name.startswith(SLOW):
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of files that Kaldi's programs wrote."""
    return Path(__file__).parent / "golden" / "kaldi"


@pytest.fixture(scope="session")
def dev() -> Path:
    """The data directory of the development voices: 6 speakers of 6 utterances, each about 6 s long."""
    return EXAMPLES / "dev"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory: the VoxCeleb front-end and a narrow network with random weights."""
    import torch

    from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
    from pysid.frontend import VOXCELEB
    from pysid.model.config import ModelConfig
    from pysid.model.speaker_model import SpeakerModel

    layers = (
        FrameLayerConfig(24, (-2, -1, 0, 1, 2)),
        FrameLayerConfig(24, (-2, 0, 2)),
        FrameLayerConfig(24, (-3, 0, 3)),
        FrameLayerConfig(40),
    )
    config = XVectorConfig(feature_dim=30, frame_layers=layers, segment_dims=(16, 16))
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("models") / "small"
    SpeakerModel(ModelConfig(VOXCELEB, config), XVector(config)).save(directory)
    return directory


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of another toolkit: the largest value of each of 80 filter banks, times random weights (80, 12)."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    weights = np.random.default_rng(0).normal(size=(80, 12)).astype(np.float32)
    helper, element = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceMax", ["feats"], ["largest"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["largest", "weights"], ["embs"]),
    ]
    feats = helper.make_tensor_value_info("feats", element, ["B", "T", 80])
    embs = helper.make_tensor_value_info("embs", element, ["B", 12])
    graph = helper.make_graph(nodes, "net", [feats], [embs], [onnx.numpy_helper.from_array(weights, "weights")])
    path = tmp_path_factory.mktemp("onnx") / "resnet.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)
    return path


@pytest.fixture(scope="session")
def campplus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 3D-Speaker's CAM++, with made-up weights."""
    import torch

    from benchmarks.toolkit_golden import Case, weights_of

    path = tmp_path_factory.mktemp("campplus") / "campplus_cn_common.bin"
    torch.save(weights_of(Case.read("3d-speaker-campplus").shapes), path)
    return path


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory, model: Path, dev: Path) -> Path:
    """Embeddings of the development voices by that model: an scp file beside its archive."""
    from pysid.model.speaker_model import SpeakerModel
    from pysid.runs.embed import embed_to_file
    from pysid.runs.inputs import open_inputs

    archive = tmp_path_factory.mktemp("vectors") / "dev.ark"
    opened = SpeakerModel.load(model)
    embed_to_file(opened, open_inputs([str(dev)], opened), archive)
    return archive.with_suffix(".scp")


@pytest.fixture(scope="session")
def fitted(model: Path, vectors: Path, dev: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with a PLDA back-end, calibrated on the voices that it was trained on."""
    from pysid.backend import PldaBackend
    from pysid.io.ark.labelled import read_labelled_vectors
    from pysid.model.speaker_model import SpeakerModel
    from pysid.runs.score import fit_calibration

    opened = SpeakerModel.load(model)
    opened.backend = PldaBackend(3).fit(*read_labelled_vectors(f"scp:{vectors}", dev / "utt2spk"))
    opened.backend.calibration_ = fit_calibration(opened.backend, dev / "trials", f"scp:{vectors}", 16)
    directory = tmp_path_factory.mktemp("fitted") / "model"
    opened.save(directory)
    return directory


def corpus_of(folder: Path, names: list[str]) -> Path:
    """A data directory with some utterances of the development voices and a trial list of all pairs."""
    folder.mkdir(parents=True)
    speaker = [name.split("-")[0] for name in names]
    paths = [EXAMPLES / "dev" / "audio" / f"{name}.ogg" for name in names]
    (folder / "wav.scp").write_text("".join(f"{n} {p}\n" for n, p in zip(names, paths, strict=True)))
    (folder / "utt2spk").write_text("".join(f"{n} {s}\n" for n, s in zip(names, speaker, strict=True)))
    trials = [f"{a} {b} {'' if a.split('-')[0] == b.split('-')[0] else 'non'}target" for a, b in combinations(names, 2)]
    (folder / "trials").write_text("".join(f"{line}\n" for line in trials))
    return folder


SMALL = [f"{speaker}-{i}" for speaker in ("alicia", "denis") for i in range(3)]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A data directory of two speakers with three utterances each, and a trial list of all pairs."""
    return corpus_of(tmp_path / "small", SMALL)


@pytest.fixture(scope="session")
def small_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pysid features` makes of `small`."""
    from pysid.data.corpus import Corpus
    from pysid.data.features import write_features
    from pysid.frontend import VOXCELEB

    folder = tmp_path_factory.mktemp("features")
    write_features(Corpus.read(corpus_of(folder / "data", SMALL)), folder / "feats", VOXCELEB)
    return folder / "feats"


def _truncated_wav(path: Path) -> None:
    soundfile.write(path, np.random.default_rng(0).normal(scale=0.1, size=16000), 16000)
    path.write_bytes(path.read_bytes()[:20000])


def _nan_wav(path: Path) -> None:
    wave = np.random.default_rng(0).normal(scale=0.1, size=16000).astype(np.float32)
    wave[5000] = np.nan
    soundfile.write(path, wave, 16000, subtype="FLOAT")


# How to make a recording that cannot be used, and what is said about it.
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "zero-bytes": (lambda path: path.write_bytes(b""), "empty file"),
    "no-samples": (lambda path: soundfile.write(path, np.zeros(0), 16000), "0 samples"),
    "truncated": (_truncated_wav, "cut off"),
    "text": (lambda path: path.write_text("This is no audio.\n" * 50), "expected an audio file"),
    "header-only": (lambda path: path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt "), "expected an audio file"),
    "nan": (_nan_wav, "expected finite samples"),
    "silent": (lambda path: soundfile.write(path, np.zeros(16000), 16000), "no speech"),
    "too-short": (lambda path: soundfile.write(path, np.full(60, 0.5), 16000), "no speech"),
    "pipe": (lambda path: None, "--allow-pipes"),
}


@pytest.fixture
def with_broken(small: Path) -> Path:
    """`small` with the recordings of `BROKEN` put between its own, each an utterance of alicia."""
    good = (small / "wav.scp").read_text().splitlines()
    bad = []
    for name, (make, _) in BROKEN.items():
        path = small / f"{name}.wav"
        make(path)
        bad.append(f"alicia-{name} " + (f"cat {path} |" if name == "pipe" else str(path)))
    lines = [*good[:3], *bad, *good[3:]]
    (small / "wav.scp").write_text("".join(f"{line}\n" for line in lines))
    speakers = {line.split()[0]: line.split("-")[0] for line in lines}
    (small / "utt2spk").write_text("".join(f"{u} {s}\n" for u, s in speakers.items()))
    return small


@pytest.fixture(scope="session")
def broken() -> dict[str, tuple[Callable[[Path], object], str]]:
    """See `BROKEN`."""
    return BROKEN


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """`capsys` that catches what pysid says, which goes to standard error for the time being, as in commands."""
    handlers, propagate, level = LOGGER.handlers, LOGGER.propagate, LOGGER.level
    Verbosity().apply()
    yield capsys
    LOGGER.handlers, LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)
    bars(False)
