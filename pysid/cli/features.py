"""`pysid features`: network input of a corpus, stored."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import (
    AllowPipes,
    AllowSkipped,
    Channel,
    Cluster,
    CpuJobs,
    MaxHours,
    Threads,
    choose_workers,
    report_skipped,
    report_written,
)


def features(
    data: Annotated[Path, typer.Argument(help="Kaldi data directory with wav.scp.")],
    out: Annotated[Path, typer.Argument(help="Folder for feats.ark, feats.scp, utt2num_frames and the tables.")],
    config: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON front-end settings.", show_default="Kaldi's voxceleb/v2"),
    ] = None,
    jobs: CpuJobs = None,
    cluster: Cluster = None,
    threads: Threads = 1,
    compress: Annotated[bool, typer.Option(help="Store 8 bits per number, as Kaldi does by default.")] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="Start from the directory's own feats.scp and vad.scp, made by Kaldi.")
    ] = False,
    stored_vad: Annotated[
        bool, typer.Option("--stored-vad", help="Keep the frames of the directory's own vad.scp; see pysid augment.")
    ] = False,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    allow_pipes: AllowPipes = False,
    allow_skipped: AllowSkipped = False,
) -> None:
    """Compute and store what the network reads: MFCCs, normalised, voiced frames only.

    Utterances without audio or speech are skipped and listed at the end. A second run resumes where the first was
    stopped. Neither that nor the number of processes or machines changes a bit of the result.

    Example: pysid features data/train exp/features/train --jobs 4
    """
    if stored and channel is not None:
        raise typer.BadParameter("--channel is for recordings, and --stored starts from features")

    from pysid.config import read_config
    from pysid.data.corpus import Corpus
    from pysid.data.features import write_features
    from pysid.frontend import VOXCELEB, FrontendConfig

    frontend = VOXCELEB if config is None else read_config(FrontendConfig, config)
    corpus = Corpus.read(data)
    skipped = write_features(
        corpus,
        out,
        frontend,
        workers=choose_workers(jobs, cluster, threads),
        compress=compress,
        channel=channel,
        max_hours=max_hours,
        allow_pipes=allow_pipes,
        stored=stored,
        stored_vad=stored_vad,
    )
    report_written(out)
    report_skipped(skipped, len(corpus), allow_skipped)
