"""`pysid convert`: turns of speakers from one format to another; models of other toolkits as model directories."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import Names, check_stdin, renamed, report
from pysid.errors import DataError
from pysid.io.files import STANDARD_STREAM

FORMATS = ("rttm", "srt", "vtt", "json", "audacity", "textgrid", "elan", "exmaralda", "chat", "csv", "pyannote")


MODELS = (".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".nemo", ".onnx")  # endings of models' files
SETTINGS = ("config.json", "config.yaml", "hyperparams.yaml")  # of folders of models


def _is_model(path: Path) -> bool:
    """Whether a path is a file of a model or a folder that has one, or else the name of a model.

    Raises:
        DataError: it is a bare word that is none of these.
    """
    if path.is_dir():
        return any(x.suffix in MODELS or x.name in SETTINGS for x in path.iterdir())
    if path.suffix or path.exists() or str(path) == STANDARD_STREAM:
        return path.suffix in MODELS or path.name in SETTINGS
    from pysid.model.directory import model_names
    from pysid.segmentation.find import NAMES as SEGMENTATIONS

    if str(path) in model_names():
        return True
    if str(path) in SEGMENTATIONS:
        raise DataError(
            f"{path}: expected turns or a network of embeddings; pysid diarize --segmentation takes this name"
        )
    names = ", ".join(model_names())
    raise DataError(f"{path}: expected turns or a model, got no such file or folder, nor the name of a model ({names})")


def _check_format(name: str | None) -> str | None:
    if name is not None and name not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}, got {name!r}")
    return name


def convert(
    turns: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN...",
            help='Files of turns, or folders of them; "-" is standard input. Or one model: file, folder or name.',
        ),
    ],
    out: Annotated[str, typer.Argument(metavar="OUT", help='File, whose ending names the format; folder; or "-".')],
    to: Annotated[
        str | None,
        typer.Option(
            callback=_check_format, help=f"Format to write: {', '.join(FORMATS)}.", show_default="by OUT's ending"
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", callback=_check_format, help="Format to read.", show_default="by each IN's ending"),
    ] = None,
    names: Names = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="One speaker at a time: overlap goes to the speaker who continues.")
    ] = False,
    join: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Join a speaker's turns where the pause between them is no longer than this."
        ),
    ] = 0.0,
    plda: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of a model: Kaldi's PLDA, or WeSpeaker's, to score with.")
    ] = None,
    mean: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of a model: what embeddings are centred by, .vec or .npy.")
    ] = None,
) -> None:
    """Write turns of speakers in another format: RTTM, subtitles, ELAN, EXMARaLDA, CLAN, Praat, CSV, JSON; both ways.

    A recording that has no name in its file is named after the file. RTTM and CSV hold many recordings; of the other
    formats a folder OUT gets a file for each. Times are kept to the millisecond.

    A model of another toolkit, or an ONNX file, becomes a model directory OUT, with the same embeddings. The names that
    --model takes elsewhere stand for models here, too: campplus, and default and xvector, which are copied.

    Example: pysid convert meeting.rttm meeting.eaf

    Example: pysid convert annotations/ all.rttm --from textgrid

    Example: pysid convert all.rttm subtitles/ --to srt --name speaker1=Anna

    Example: pysid convert - - --from rttm --to srt < meeting.rttm

    Example: pysid convert campplus_cn_common.bin models/campplus

    Example: pysid convert campplus models/campplus

    Example: pysid convert exp/xvec models/xvec --plda exp/xvec/plda
    """
    check_stdin(*turns)
    if len(turns) == 1 and _is_model(turns[0]):
        if to or source or names or exclusive or join:
            raise typer.BadParameter(f"{turns[0]} is a model, and the options are for turns")
        from pysid.exchange.from_toolkit import convert_model

        report(f"{out}: {convert_model(turns[0], Path(out), plda=plda, mean=mean)}")
        return
    if plda or mean:
        raise typer.BadParameter("--plda and --mean are for a model, a file of weights or a folder of one")
    if source is None and STANDARD_STREAM in map(str, turns):
        raise typer.BadParameter("standard input has no name that tells its format", param_hint="--from")
    if to is None and out == STANDARD_STREAM:
        raise typer.BadParameter("standard output has no name that tells its format", param_hint="--to")
    from pysid.diarization.exclusive import exclusive as one_at_a_time
    from pysid.diarization.turns import bridge_gaps
    from pysid.io.turns.convert import files_of, read_all, write_all

    files = [file for given in turns for file in files_of(given, source)]
    read = read_all(files, source)
    spoken = iter(renamed([turn for recording in read for turn in recording.turns], names))  # some may lack a speaker
    recordings = []
    for recording in read:
        found = list(islice(spoken, len(recording.turns)))
        found = one_at_a_time(found) if exclusive else found
        recordings.append(recording._replace(turns=bridge_gaps(found, join) if join else found))
    for path in write_all(out, recordings, to, read=files):
        if str(path) != "-":
            report(f"wrote {path}")
