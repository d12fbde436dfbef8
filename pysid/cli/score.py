"""`pysid score`: the trials of a list."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import (
    AllowPipes,
    AllowSkipped,
    BackendKind,
    Channel,
    Cluster,
    Device,
    Jobs,
    MaxHours,
    Model,
    Threads,
    choose_workers,
    report_skipped,
    report_written,
)


def score(
    trials: Annotated[Path, typer.Argument(help="Lines 'enrol test' or 'enrol test target|nontarget'.")],
    audio: Annotated[
        str,
        typer.Argument(metavar="WAV_SCP", help="wav.scp; or embeddings as scp:FILE, ark:FILE, FILE.npz or FILE.txt."),
    ],
    scores: Annotated[Path, typer.Argument(help="Output, one line per trial: enrol test score.")],
    model: Model = None,
    backend: Annotated[BackendKind | None, typer.Option(show_default="the model's own")] = None,
    enrol: Annotated[
        Path | None,
        typer.Option("--enroll", help="spk2utt: the trials' first column names speakers enrolled by these utterances."),
    ] = None,
    cohort: Annotated[
        str | None, typer.Option(help="Embeddings of other speakers (scp:, ark:, .npz, .txt) for adaptive s-norm.")
    ] = None,
    top_n: Annotated[
        int, typer.Option(min=2, help="How many of the nearest cohort scores adaptive s-norm takes.")
    ] = 300,
    calibrate: Annotated[
        bool, typer.Option(help="Write calibrated log-likelihood ratios, if the model has a calibration.")
    ] = False,
    device: Device = "cpu",
    jobs: Jobs = None,
    cluster: Cluster = None,
    threads: Threads = 1,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    allow_pipes: AllowPipes = False,
    allow_skipped: AllowSkipped = False,
) -> None:
    """Score every trial of a list; a higher score means the same speaker.

    Trials whose audio cannot be read are left out and counted. Audio is embedded by --jobs processes or a --cluster; a
    second run resumes where the first was stopped.

    Example: pysid score data/test/trials data/test/wav.scp exp/scores --model exp/stat/final --backend cosine
    """
    if calibrate and cohort is not None:
        raise typer.BadParameter("--calibrate is for scores without a --cohort")

    from pysid.model.speaker_model import check_device
    from pysid.runs.score import ScoringConfig, score_list

    workers = choose_workers(jobs, cluster, threads, device)
    if cluster is None:
        check_device(device)
    config = ScoringConfig(
        backend=backend,
        enrol_spk2utt=enrol,
        cohort=cohort,
        top_n=top_n,
        calibrate=calibrate,
        channel=channel,
        max_hours=max_hours,
    )
    skipped, n_wanted = score_list(trials, audio, scores, config, model=model, workers=workers, allow_pipes=allow_pipes)
    report_written(scores)
    report_skipped(skipped, n_wanted, allow_skipped)
