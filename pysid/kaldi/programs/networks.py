"""nnet3-copy, nnet3-info, nnet3-xvector-compute."""

import time
from collections.abc import Iterator

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX, VECTOR
from pysid.kaldi.log import six_digits
from pysid.kaldi.nnet3_edits import apply_edits, scale, set_dropout_proportion, set_learning_rate
from pysid.kaldi.run import Program, Run
from pysid.kaldi.streams import printable_input
from pysid.nnet3.config_lines import ConfigLine, parse_config_lines
from pysid.nnet3.file import Nnet3Model, parse_nnet3, put_nnet3
from pysid.nnet3.rewrite import as_rewritten, read_directly


def _copy(run: Run) -> int:
    source, target = run.arguments
    model = run.load(source, parse_nnet3)
    if name := run.options["nnet-config"]:
        lines = parse_config_lines(run.input(name).read(), printable_input(name))
        model = model.with_lines(ConfigLine.of(line.node, line.where) for line in lines)
    copied = as_rewritten(_edited(run, model))
    binary = run.options["binary"]
    run.save(target, lambda writer: put_nnet3(writer, copied, binary=binary), binary=binary)
    run.log.info(f"Copied raw neural net from {source} to {target}")
    return 0


def _edited(run: Run, model: Nnet3Model) -> Nnet3Model:
    """The changes that options ask for, in Kaldi's order."""
    if run.options["learning-rate"] >= 0:
        model = set_learning_rate(model, run.options["learning-rate"])
    if run.options["scale"] != 1:
        model = scale(model, run.options["scale"])
    if run.options["set-dropout-proportion"] > 0:
        model = set_dropout_proportion(model, run.options["set-dropout-proportion"])
    if name := run.options["edits-config"]:
        model = apply_edits(model, run.input(name).read().decode("utf-8", "replace"), printable_input(name))
    return apply_edits(model, run.options["edits"], "--edits")


def _info(run: Run) -> int:
    from pysid.kaldi.nnet3_info import network_info

    print(network_info(run.load(run.arguments[0], parse_nnet3)), end="")
    return 0


def _xvector_compute(run: Run) -> int:
    import torch

    from pysid.embedding.extract import ExtractConfig, extract
    from pysid.nnet3.graph import Nnet3Graph

    started = time.monotonic()
    network_name, source, target = run.arguments
    config = ExtractConfig(
        chunk_size=run.options["chunk-size"],
        min_chunk_size=max(run.options["min-chunk-size"], 1),
        pad_input=run.options["pad-input"],
    )
    model = read_directly(run.load(network_name, parse_nnet3))
    network = Nnet3Graph(model).to(_device(run.options["use-gpu"])).eval()
    writer = run.write(target, VECTOR)
    n_frames = n_done = n_failed = 0

    def utterances() -> Iterator[tuple[str, np.ndarray]]:
        nonlocal n_frames
        for key, features in run.read(source, MATRIX):
            if len(features) and features.shape[1] != network.feature_dim:
                raise DataError(f"{key}: expected features of {network.feature_dim} columns, got {features.shape[1]}")
            n_frames += len(features)
            yield key, np.array(features)

    def failed(key: str, reason: str) -> None:
        nonlocal n_failed
        run.log.warn(f"No x-vector of utterance {key}: {reason}")
        n_failed += 1

    with torch.inference_mode():
        for key, vector in extract(network, utterances(), config, on_skip=failed):
            writer.write(key, vector)
            n_done += 1
    seconds = time.monotonic() - started
    factor = six_digits(100 * seconds / n_frames) if n_frames else "inf"
    run.log.info(f"Time taken {six_digits(seconds)}s: real-time factor assuming 100 frames/sec is {factor}")
    run.log.info(f"Done {n_done} utterances, failed for {n_failed}")
    return 0 if n_done else 1


def _device(use_gpu: str) -> str:
    """The device that --use-gpu asks for.

    Raises:
        DataError: there is none, or the option has another value than Kaldi's.
    """
    import torch

    if use_gpu not in ("yes", "no", "optional", "wait"):
        raise DataError(f"--use-gpu must be yes, no, optional or wait, got {use_gpu!r}")
    if use_gpu == "no" or (use_gpu == "optional" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise DataError(f"--use-gpu={use_gpu}: there is no GPU; use --use-gpu=optional or no")
    return "cuda"


_SPEED_OPTIONS = (
    # They change how Kaldi computes, not what; so they do nothing here.
    Option("cache-capacity", 64, "No effect: computations that Kaldi keeps"),
    Option("acoustic-scale", 1.0, "No effect, nor has it in Kaldi's program"),
    Option("debug-computation", False, "No effect: prints how Kaldi computes"),
    Option("frames-per-chunk", 50, "No effect, nor has it in Kaldi's program"),
    Option("frame-subsampling-factor", 1, "No effect, nor has it in Kaldi's program"),
    Option("extra-left-context", 0, "No effect, nor has it in Kaldi's program"),
    Option("extra-right-context", 0, "No effect, nor has it in Kaldi's program"),
    Option("extra-left-context-initial", -1, "No effect, nor has it in Kaldi's program"),
    Option("extra-right-context-final", -1, "No effect, nor has it in Kaldi's program"),
)

PROGRAMS = {
    "nnet3-copy": Program(
        "Copy a network, binary or text; --nnet-config adds nodes, or replaces them.\n"
        "Usage: nnet3-copy [options] <nnet-rxfilename> <nnet-wxfilename>",
        (2,),
        _copy,
        (
            Option("binary", True, "Write in binary mode"),
            Option("nnet-config", "", "Lines of nodes to merge in, such as extract.config"),
            Option("learning-rate", -1.0, "If not negative, the learning rate of all components"),
            Option("edits-config", "", "File of changes to the network, such as remove-orphans"),
            Option("edits", "", "Changes to the network, with ; between them"),
            Option("set-dropout-proportion", 0.0, "If positive, the proportion of all dropout components"),
            Option("scale", 1.0, "Factor of the parameters"),
            Option("prepare-for-test", False, "Simplify the network", supported=False),
        ),
    ),
    "nnet3-info": Program(
        "Print what a network is made of.\nUsage: nnet3-info [options] <nnet-rxfilename>",
        (1,),
        _info,
    ),
    "nnet3-xvector-compute": Program(
        "Compute x-vectors.\n"
        "Usage: nnet3-xvector-compute [options] <nnet-rxfilename> <features-rspecifier> <vector-wspecifier>",
        (3,),
        _xvector_compute,
        (
            Option("use-gpu", "no", "yes, no, optional or wait"),
            Option("chunk-size", -1, "Frames in a chunk: x-vectors are averaged over chunks; -1 for none"),
            Option("min-chunk-size", 100, "Shorter chunks are padded or left out (frames)"),
            Option("pad-input", True, "Pad short chunks by repeating the first and the last frame"),
            Option("cached-compiler-in", "", "Computations to start with", supported=False),
            Option("cached-compiler-out", "", "File for computations", supported=False),
            *_SPEED_OPTIONS,
        ),
    ),
}
