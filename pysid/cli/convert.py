"""`pysid convert-kaldi`: Kaldi's x-vector packages to model directories, and back."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import report


def convert_kaldi(
    source: Annotated[
        Path,
        typer.Argument(metavar="NNET_DIR", help="Folder with final.raw, such as exp/xvector_nnet_1a, or model_final."),
    ],
    target: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="New folder for the model.")],
    reverse: Annotated[
        bool, typer.Option("--reverse", help="The way back: from MODEL_DIR, given first, to a new NNET_DIR.")
    ] = False,
    mfcc_conf: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Options of the features.",
            show_default="mfcc.conf in NNET_DIR, its conf or ../../conf",
        ),
    ] = None,
    fbank_conf: Annotated[
        str | None, typer.Option(metavar="FILE", help="Options of filter banks, in place of MFCCs.")
    ] = None,
    vad_conf: Annotated[
        str | None, typer.Option(metavar="FILE", help="vad.conf, looked for likewise; none to keep all frames.")
    ] = None,
    cmvn: Annotated[bool, typer.Option(help="Normalise over 300 frames, as Kaldi's scripts do.")] = True,
    output_node: Annotated[
        str | None, typer.Option(metavar="NODE", help="Node of the embedding.", show_default="as extract.config says")
    ] = None,
    backend_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the next three files.",
            show_default="NNET_DIR, its xvectors* or ../xvectors*",
        ),
    ] = None,
    mean: Annotated[str | None, typer.Option(metavar="FILE", help="mean.vec, or none to go without.")] = None,
    transform: Annotated[str | None, typer.Option(metavar="FILE", help="transform.mat, or none.")] = None,
    plda: Annotated[
        str | None, typer.Option(metavar="FILE", help="plda, plda_adapt.smooth0.1 or such; none to score by cosine.")
    ] = None,
) -> None:
    """Make a model directory of a Kaldi x-vector package: same embeddings, same scores.

    Its network may be one of x-vector-kaldi-tf, TensorFlow's checkpoint in model_final.

    Files are given by their path, or by their name within the package.

    Example: pysid convert-kaldi exp/xvector_nnet_1a models/voxceleb

    Example: pysid convert-kaldi --reverse models/voxceleb exp/xvector_nnet_1a
    """
    given = {
        "mfcc_conf": mfcc_conf,
        "fbank_conf": fbank_conf,
        "vad_conf": vad_conf,
        "output_node": output_node,
        "backend_dir": backend_dir,
        "mean": mean,
        "transform": transform,
        "plda": plda,
    }
    if reverse and (not cmvn or any(given.values())):
        raise typer.BadParameter("--reverse takes no other options")
    if mfcc_conf is not None and fbank_conf is not None:
        raise typer.BadParameter("give --mfcc-conf or --fbank-conf, not both")

    from pysid.exchange.from_kaldi import read_package
    from pysid.exchange.kaldi_package import Choices
    from pysid.exchange.to_kaldi import write_package
    from pysid.progress import say

    if reverse:
        for note in write_package(source, target):
            say(f"note: {note}")
        report(f"{target}: written from {source}")
        return
    converted = read_package(source, Choices(**given, cmvn=cmvn))
    converted.save(target, source)
    if converted.not_plain is not None:
        say(f"note: the network runs in Kaldi's form: {converted.not_plain}")
    report(f"{target}: {converted.summary()}")
