"""`pysid export`: models for other programs, and models of other programs."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import report


def export(
    model: Annotated[str, typer.Argument(help="Model directory, ONNX file, or the name of a shipped model.")],
    out: Annotated[Path, typer.Argument(help="OUT.onnx, or a new folder.")],
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write the network as ONNX, features in and embedding out.")
    ] = False,
    directory: Annotated[
        bool, typer.Option("--directory", help="Make a model directory of an ONNX file, to train a back-end in.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="With --onnx: matrix products in 8 bits, of an x-vector network.")
    ] = False,
) -> None:
    """Write a model in another form.

    With --onnx neither front-end nor back-end is part of the graph; OUT.json beside it has the settings of the
    front-end, and with it OUT.onnx is a model for pysid again.

    Example: pysid export --onnx exp/stat/final stat.onnx

    Example: pysid export --onnx --int8 xvector xvector.onnx

    Example: pysid export --directory voxceleb_resnet34.onnx exp/resnet34
    """
    if onnx == directory:
        raise typer.BadParameter("give either --onnx or --directory")
    if int8 and not onnx:
        raise typer.BadParameter("--int8 goes with --onnx")

    from pysid.errors import DataError
    from pysid.model.directory import find_model
    from pysid.model.speaker_model import SpeakerModel

    if onnx:
        from pysid.exchange.to_onnx import export_onnx

        config = export_onnx(SpeakerModel.load(model), out, int8)
        dims = f"{config.network.feature_dim} features to embeddings of {config.network.embedding_dim} dimensions"
        report(f"{out}: {dims}; settings in {out.with_suffix('.json')}")
        return
    from pysid.io.files import atomic_directory

    source = find_model(model)
    if source.is_dir():
        raise DataError(f"{source}: expected an ONNX file, this is a model directory already")
    opened = SpeakerModel.load(source)
    with atomic_directory(out) as folder:
        opened.save(folder)
    report(f"{out}: model directory of {source}")
