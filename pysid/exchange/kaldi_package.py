"""Where the files of a Kaldi x-vector package are: beside its network, in the folders around it, or as told.

    conf/mfcc.conf, vad.conf
    exp/xvector_nnet_1a/final.raw, extract.config, min_chunk_size, max_chunk_size
    exp/xvector_nnet_1a/model_final/model.index and so on        of x-vector-kaldi-tf, instead of final.raw
    exp/xvector_nnet_1a/xvectors_train/mean.vec, transform.mat, plda     or exp/xvectors_train/...

Source: kaldi/egs/{voxceleb,sre16,callhome_diarization}/v2/run.sh, and the packages made by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pysid.errors import DataError
from pysid.io.files import read_bytes

NONE = "none"
TENSORFLOW = "model_final/model.index"
NETWORKS = ("final.raw", "final.mdl", TENSORFLOW)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What is to be taken for a part of a package; None looks where packages have it.

    A file is given by its path, or by its name within the package; the word "none" goes without it.

    Attributes:
        output_node: the node of the embedding, instead of an `extract.config`.
        mfcc_conf, fbank_conf: options of the features; at most one of the two.
        vad_conf: options of the voice activity detection.
        backend_dir: folder to look for the next three in.
        mean, transform, plda: `mean.vec`, `transform.mat`, `plda`.
        cmvn: normalise the features as Kaldi's scripts do.
    """

    output_node: str | None = None
    mfcc_conf: str | None = None
    fbank_conf: str | None = None
    vad_conf: str | None = None
    backend_dir: str | None = None
    mean: str | None = None
    transform: str | None = None
    plda: str | None = None
    cmvn: bool = True


@dataclass(frozen=True, kw_only=True)
class PackageFiles:
    """The files of a package; None for what it goes without. `has_fbank` tells which features the options are of."""

    network: Path
    extract_config: Path | None
    min_chunk_size: Path
    max_chunk_size: Path
    features: Path
    has_fbank: bool
    vad: Path | None
    mean: Path | None
    transform: Path | None
    plda: Path | None

    def existing(self) -> list[Path]:
        """All that are there."""
        return [path for path in vars(self).values() if isinstance(path, Path)]


def find_files(nnet_dir: Path, choices: Choices) -> PackageFiles:
    """Looks for the files of a package.

    Args:
        nnet_dir: the folder of its network.
    Raises:
        DataError: a file is missing, or is in several places; the message says what to do about it.
    """
    network = _network(nnet_dir)
    extract_config = nnet_dir / "extract.config"
    if network.name == Path(TENSORFLOW).name and choices.output_node is not None:
        raise DataError(f"{network}: a network of TensorFlow has no --output-node; the first embedding is taken")
    use_config = choices.output_node is None and extract_config.is_file()
    backend = _backend(nnet_dir, choices)
    return PackageFiles(
        network=network,
        extract_config=extract_config if use_config else None,
        min_chunk_size=_required(nnet_dir / "min_chunk_size", "a whole number of frames"),
        max_chunk_size=_required(nnet_dir / "max_chunk_size", "a whole number of frames"),
        features=_features(nnet_dir, choices),
        has_fbank=choices.fbank_conf is not None,
        vad=_conf(nnet_dir, "vad.conf", choices.vad_conf, "--vad-conf FILE, or --vad-conf none to keep all frames"),
        mean=backend["mean"],
        transform=backend["transform"],
        plda=backend["plda"],
    )


def read_count(path: Path) -> int:
    """The whole number that a file holds. Raises DataError."""
    text = read_bytes(path).decode("utf-8", "replace").strip()
    if not text.removeprefix("-").isdecimal() or len(text) > 9:
        raise DataError(f"{path}: expected a whole number of frames, got {text[:40]!r}")
    return int(text)


def _network(nnet_dir: Path) -> Path:
    found = [nnet_dir / name for name in NETWORKS if (nnet_dir / name).is_file()]
    if found:
        return found[0]
    below = [folder for name in NETWORKS for folder in sorted(nnet_dir.glob("exp/*")) if (folder / name).is_file()]
    hint = f"; is it {below[0]}?" if below else ""
    raise DataError(f"{nnet_dir}: expected a folder with {', '.join(NETWORKS[:-1])} or {NETWORKS[-1]}{hint}")


def _required(path: Path, what: str) -> Path:
    if not path.is_file():
        raise DataError(f"{path}: expected a file with {what}, got no such file")
    return path


def _features(nnet_dir: Path, choices: Choices) -> Path:
    name, chosen = "mfcc", choices.mfcc_conf
    if choices.fbank_conf is not None:
        name, chosen = "fbank", choices.fbank_conf
    path = _conf(nnet_dir, f"{name}.conf", chosen, f"--{name}-conf FILE")
    if path is None:
        raise DataError(f"{nnet_dir}: expected the options of its features, got --{name}-conf none")
    return path


def _conf(nnet_dir: Path, name: str, chosen: str | None, advice: str) -> Path | None:
    """A file of options; of several, the one nearest to the network."""
    folders = [nnet_dir, nnet_dir / "conf", nnet_dir / ".." / ".." / "conf"]
    found = _candidates(name, chosen, folders)
    if not found and chosen != NONE:
        where = f"in {nnet_dir}, in its conf or in ../../conf"
        raise DataError(f"expected {chosen or name} {where}, got no such file: give {advice}")
    return found[0] if found else None


def _backend(nnet_dir: Path, choices: Choices) -> dict[str, Path | None]:
    """Paths of mean, transform and plda."""
    folders, where = [nnet_dir], f"in {nnet_dir}, in its xvectors* or in ../xvectors*"
    for parent in (nnet_dir, nnet_dir / ".."):
        folders += sorted(path for path in parent.glob("xvectors*") if path.is_dir())
    if choices.backend_dir is not None:
        given = [Path(choices.backend_dir), nnet_dir / choices.backend_dir]
        folders, where = [path for path in given if path.is_dir()][:1], f"in {choices.backend_dir}"
    parts: dict[str, Path | None] = {}
    for option, name in (("plda", "plda"), ("mean", "mean.vec"), ("transform", "transform.mat")):
        chosen = getattr(choices, option)
        found = _candidates(name, chosen, folders)
        if len(found) > 1:
            several = " and ".join(map(str, found))
            raise DataError(f"expected one {chosen or name}, got {several}: give --{option} FILE or --backend-dir DIR")
        # Cosine scores, without PLDA, take what there is of the others.
        if not found and NONE not in (chosen, choices.plda):
            advice = f"give --{option} FILE, or --{option} none to go without"
            raise DataError(f"expected {chosen or name} {where}, got no such file: {advice}")
        parts[option] = found[0] if found else None
    return parts


def _candidates(name: str, chosen: str | None, folders: Sequence[Path]) -> list[Path]:
    """The file at a chosen path; or those of a chosen or of the usual name in the folders, each once."""
    if chosen == NONE:
        return []
    if chosen is not None and Path(chosen).is_file():
        return [Path(chosen)]
    paths = [folder / (chosen or name) for folder in folders]
    return list({path.resolve(): path for path in reversed(paths) if path.is_file()}.values())[::-1]
