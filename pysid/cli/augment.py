"""`pysid augment`: augmented copies of a corpus on disk."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import (
    AllowPipes,
    AllowSkipped,
    Channel,
    CpuJobs,
    MaxHours,
    choose_workers,
    report,
    report_skipped,
)


def augment(
    data: Annotated[Path, typer.Argument(help="Kaldi data directory of clean speech.")],
    out: Annotated[Path, typer.Argument(help="Folder for DATA_noise/, ..., DATA_aug/ and DATA_combined/.")],
    noises: Annotated[str | None, typer.Option(help="Noises: a data directory or a wav.scp.")] = None,
    music: Annotated[str | None, typer.Option(help="Music, likewise.")] = None,
    speech: Annotated[str | None, typer.Option(help="Speech of others, for babble, likewise.")] = None,
    rooms: Annotated[
        list[str] | None, typer.Option(help="A rir_list; again for more, equally likely. Or: simulated.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(help="Out of reverb,noise,music,babble.", show_default="those with recordings")
    ] = None,
    subset: Annotated[
        int | None,
        typer.Option(min=1, help="How many copies in all, taken evenly from the sorted list.", show_default="all"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed for all draws.")] = 0,
    sample_rate: Annotated[int, typer.Option(min=1, help="Hz of the copies.")] = 16000,
    jobs: CpuJobs = None,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    allow_pipes: AllowPipes = False,
    allow_skipped: AllowSkipped = False,
) -> None:
    """Make copies of a corpus with reverberation, noise, music and babble, as Kaldi's voxceleb/v2 does.

    Training can do the same on the fly, without copies: see the key `augment` of its settings. Copies keep the VAD of
    the clean speech, which `pysid features --stored-vad` takes. Utterances that cannot be read are left out and listed
    at the end. A second run resumes where the first was stopped.

    Example: pysid augment data/train data/aug --noises data/musan_noise --music data/musan_music --jobs 4
    """
    from pysid.augment.recordings import SIMULATED, RecordingPaths
    from pysid.data.augmented_copies import write_augmented
    from pysid.data.corpus import Corpus

    places = SIMULATED if rooms == [SIMULATED] else tuple(rooms) if rooms else None
    recordings = RecordingPaths(noises=noises, music=music, speech=speech, rooms=places)
    corpus = Corpus.read(data)
    counts, skipped = write_augmented(
        corpus,
        out,
        recordings,
        kinds.split(",") if kinds else None,
        subset=subset,
        seed=seed,
        sample_rate=sample_rate,
        workers=choose_workers(jobs, None, 1),
        channel=channel,
        max_hours=max_hours,
        allow_pipes=allow_pipes,
    )
    for directory, count in counts.items():
        report(f"{directory}: {count} utterances")
    report_skipped(skipped, len(corpus), allow_skipped)
