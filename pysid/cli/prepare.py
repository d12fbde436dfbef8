"""`pysid prepare`: corpora as Kaldi data directories."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from pysid.cli import prepare_corpora
from pysid.cli.common import AllowPipes, AllowSkipped, report, report_skipped

app = typer.Typer(help="Turn a corpus into Kaldi data directories.", no_args_is_help=True)
app.command("voxceleb1")(prepare_corpora.voxceleb1)
app.command("voxceleb2")(prepare_corpora.voxceleb2)
app.command("musan")(prepare_corpora.musan)
app.command("rirs")(prepare_corpora.rirs)
app.command("ami")(prepare_corpora.ami)
app.command("voxconverse")(prepare_corpora.voxconverse)


@app.callback()
def _group() -> None:
    pass


@app.command("commonvoice")
def commonvoice(
    folder: Annotated[Path, typer.Argument(help="Language folder of a release: validated.tsv, clips/.")],
    out: Annotated[Path, typer.Argument(help="Folder for train/ and dev/.")],
    dev_speakers: Annotated[int, typer.Option(min=0, help="Speakers set apart for development.")] = 40,
    min_dev_clips: Annotated[int, typer.Option(min=2, help="Fewest clips of a development speaker.")] = 5,
    max_clips: Annotated[int, typer.Option(min=0, help="Clips to keep of each speaker; 0 for all.")] = 20,
    nontarget_trials: Annotated[int, typer.Option(min=1, help="Different-speaker trials.")] = 10000,
    tsv: Annotated[str, typer.Option(help="List to take clips from.")] = "validated",
    seed: Annotated[int, typer.Option(min=0, help="Seed for the choice of speakers, clips and trials.")] = 0,
) -> None:
    """Prepare one language of Mozilla Common Voice.

    Please respect its terms: do not try to determine who its contributors are.

    Example: pysid prepare commonvoice cv-corpus-17.0/fr data
    """
    from pysid.data.corpora.commonvoice import CommonVoiceConfig, prepare_commonvoice

    try:
        config = CommonVoiceConfig(tsv, dev_speakers, min_dev_clips, max_clips, nontarget_trials, seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for name, (n_speakers, n_clips) in prepare_commonvoice(folder, out, config).items():
        report(f"{out / name}: {n_speakers} speakers, {n_clips} clips")


@app.command("conversations")
def conversations(
    data: Annotated[Path, typer.Argument(help="Kaldi data directory of recordings of one speaker each.")],
    out: Annotated[Path, typer.Argument(help="Folder for audio/, wav.scp, ref.rttm, all.uem and more.")],
    config: Annotated[
        Path | None,
        typer.Option(help="YAML file of settings; ConversationConfig in pysid.data.conversations.plan has the keys."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Number of conversations.", show_default="400")] = None,
    min_pieces: Annotated[
        int | None, typer.Option(min=1, help="Fewest pieces of a conversation.", show_default="20")
    ] = None,
    max_pieces: Annotated[
        int | None, typer.Option(min=1, help="Most pieces of a conversation.", show_default="50")
    ] = None,
    min_speakers: Annotated[
        int | None, typer.Option(min=1, help="Fewest speakers in a conversation.", show_default="2")
    ] = None,
    max_speakers: Annotated[
        int | None, typer.Option(min=1, help="Most speakers in a conversation.", show_default="4")
    ] = None,
    speakers: Annotated[
        Path | None, typer.Option(help="Speakers to use, one per line.", show_default="all of DATA")
    ] = None,
    min_piece: Annotated[
        float | None, typer.Option(help="Seconds of the shortest piece.", show_default="3", metavar="SECONDS")
    ] = None,
    pause: Annotated[
        float | None, typer.Option(help="Mean pause between pieces.", show_default="0", metavar="SECONDS")
    ] = None,
    overlap: Annotated[
        float | None, typer.Option(min=0, max=1, help="Probability of talking over another's end.", show_default="0")
    ] = None,
    gain: Annotated[
        float | None, typer.Option(help="Speakers differ in loudness by up to +-this.", show_default="0", metavar="DB")
    ] = None,
    rooms: Annotated[
        list[str] | None, typer.Option(help="A rir_list: conversations take place in its rooms; again for more.")
    ] = None,
    noises: Annotated[str | None, typer.Option(help="Sounds around them: a data directory or a wav.scp.")] = None,
    music: Annotated[str | None, typer.Option(help="Music around them, likewise.")] = None,
    voices: Annotated[str | None, typer.Option(help="Voices of others far away, likewise.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed for all choices.", show_default="0")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Threads.")] = 1,
    allow_pipes: AllowPipes = False,
    allow_skipped: AllowSkipped = False,
) -> None:
    """Simulate conversations, with their reference, from recordings of single speakers.

    Options override the settings of a file. A second run resumes where the first was stopped. With rooms, noises,
    music or voices they sound like meetings, each in other surroundings: see the key `scene` of the settings.

    Example: pysid prepare conversations data/dev data/conversations --count 400 --jobs 4
    """
    from pysid.augment.recordings import RecordingPaths
    from pysid.config import read_config
    from pysid.data.conversations.plan import ConversationConfig
    from pysid.data.conversations.scenes import open_scene
    from pysid.data.conversations.write import write_conversations
    from pysid.data.corpus import Corpus
    from pysid.io.text import RowFormat, read_rows

    plan = ConversationConfig() if config is None else read_config(ConversationConfig, config)
    given: dict[str, Any] = {
        "n_conversations": count,
        "min_pieces": min_pieces,
        "max_pieces": max_pieces,
        "min_speakers": min_speakers,
        "max_speakers": max_speakers,
        "min_piece_s": min_piece,
        "pause_s": pause,
        "overlap": overlap,
        "gain_db": gain,
        "seed": seed,
    }
    try:
        plan = dataclasses.replace(plan, **{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    corpus = Corpus.read(data)
    only = None if speakers is None else {name for _, (name,) in read_rows(speakers, RowFormat("speaker", (1,)))}
    recordings = RecordingPaths(noises=noises, music=music, speech=voices, rooms=tuple(rooms) if rooms else None)
    scene = open_scene(plan.scene, recordings, plan.sample_rate)
    made, skipped = write_conversations(
        corpus, out, plan, scene=scene, speakers=only, n_jobs=jobs, allow_pipes=allow_pipes
    )
    hours = sum(conversation.duration_s for conversation in made) / 3600
    report(f"{out}: {len(made)} conversations, {hours:.2f} hours")
    report_skipped(skipped, len(corpus), allow_skipped)
