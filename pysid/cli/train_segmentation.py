"""`pysid train-segmentation`: a network that says who speaks when within windows of some seconds."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import DryRun


def train_segmentation(
    config: Annotated[
        Path,
        typer.Argument(
            help="YAML file; its keys are those of SegmentationTrainConfig in pysid.training.segmentation.run."
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings over those of the file.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Train a network for local segmentation, overlapping speech included; run it again to resume.

    It learns from conversations that it mixes on the fly from clips of single speakers, from recordings with ref.rttm,
    and from what another network, the teacher, says of these and of recordings without reference. What it has learned
    stands in two files, segmentation.json and segmentation.safetensors.

    Example: pysid train-segmentation conf/segmentation.yaml out=exp/segmentation noises=data/noise
    """
    from pysid.training.segmentation.run import read_segmentation_config, run_segmentation_training

    run_segmentation_training(read_segmentation_config(config, settings or ()), dry_run=dry_run)
