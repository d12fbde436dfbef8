"""`pysid prepare`: corpora as Kaldi data directories."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Turn a corpus into Kaldi data directories.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("commonvoice")
def commonvoice(
    folder: Annotated[Path, typer.Argument(help="Language folder of a release: validated.tsv, clips/.")],
    out: Annotated[Path, typer.Argument(help="Folder for train/ and dev/.")],
    dev_speakers: Annotated[int, typer.Option(min=0, help="Speakers set apart for development.")] = 40,
    min_dev_clips: Annotated[int, typer.Option(min=2, help="Clips that a development speaker has at least.")] = 5,
    max_clips: Annotated[int, typer.Option(min=0, help="Clips kept of a speaker; 0 for all.")] = 20,
    nontarget_trials: Annotated[int, typer.Option(min=1, help="Different-speaker trials.")] = 10000,
    tsv: Annotated[str, typer.Option(help="List to take clips from.")] = "validated",
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of speakers, clips and trials.")] = 0,
) -> None:
    """Prepare one language of Mozilla Common Voice.

    Please respect its terms: do not try to determine who its contributors are.

    Example: pysid prepare commonvoice cv-corpus-17.0/fr data
    """
    from pysid.data.commonvoice import CommonVoiceConfig, prepare_commonvoice

    try:
        config = CommonVoiceConfig(tsv, dev_speakers, min_dev_clips, max_clips, nontarget_trials, seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for name, (n_speakers, n_clips) in prepare_commonvoice(folder, out, config).items():
        print(f"{out / name}: {n_speakers} speakers, {n_clips} clips")
