"""`pysid train`: an embedding network."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="YAML file; its keys are those of pysid.experiment.TrainConfig.")],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings over those of the file.")
    ] = None,
) -> None:
    """Train an x-vector network; run it again to go on where it was stopped.

    Several processes: accelerate launch --num_processes 2 -m pysid train CONFIG

    Example: pysid train conf/xvector.yaml flavour=asoft out=exp/asoft trainer.n_epochs=5
    """
    from pysid.experiment import read_train_config, run_training

    print(run_training(read_train_config(config, settings or ())))
