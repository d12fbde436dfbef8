"""`pysid train`: an embedding network."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import DryRun


def train(
    config: Annotated[
        Path, typer.Argument(help="YAML file; its keys are those of TrainConfig in pysid.training.embedding.run.")
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings over those of the file.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Train an x-vector network; run it again to resume.

    Several processes: torchrun --nproc-per-node 2 -m pysid train CONFIG, or accelerate launch --multi_gpu
    --num_processes 2 -m pysid train CONFIG. Both also work on CPUs, with trainer.device=cpu; accelerate's own --cpu
    starts one process. Each takes its share of every batch: the same chunks and augmentation as with one process, but
    batch norm sees the share alone.

    Example: pysid train conf/xvector.yaml flavour=asoft out=exp/asoft trainer.n_epochs=5
    """
    from pysid.training.memory import ask_for_large_pages

    ask_for_large_pages()
    from pysid.training.embedding.run import read_train_config, run_training

    run_training(read_train_config(config, settings or ()), dry_run=dry_run)
