"""`pysid train-activity`: a network that finds speech, and speech of several at once."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import DryRun


def train_activity(
    config: Annotated[
        Path,
        typer.Argument(help="YAML file; its keys are those of ActivityTrainConfig in pysid.training.activity.run."),
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings over those of the file.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Train a network that finds speech in recordings; run it again to resume.

    It learns from recordings with ref.rttm, such as `pysid prepare conversations` makes. A model directory that has its
    two files, activity.json and activity.safetensors, diarizes with it.

    Example: pysid train-activity conf/activity.yaml train=data/scenes out=exp/activity
    """
    from pysid.training.activity.run import read_activity_config, run_activity_training

    run_activity_training(read_activity_config(config, settings or ()), dry_run=dry_run)
