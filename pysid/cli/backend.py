"""`pysid fit-backend`: train what scores embeddings."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysid.cli.common import BackendKind, report

if TYPE_CHECKING:
    import numpy as np

    from pysid.backend import PldaBackend


def fit_backend(
    model: Annotated[Path, typer.Argument(help="Model directory; backend.safetensors is written into it.")],
    embeddings: Annotated[str, typer.Argument(help="Training embeddings: scp:FILE, ark:FILE, FILE.npz or FILE.txt.")],
    utt2spk: Annotated[Path, typer.Argument(help="Their speakers.")],
    kind: Annotated[BackendKind, typer.Option(help="What to train.")] = BackendKind.plda,
    lda_dim: Annotated[
        int | None,
        typer.Option(
            min=0, help="Dimensions that LDA keeps; 0 leaves LDA out.", show_default="200 for plda, 0 for cosine"
        ),
    ] = None,
    windows: Annotated[
        bool,
        typer.Option(
            "--windows",
            help="The embeddings are of windows, as pysid embed --window names them: make the back-end of diarization.",
        ),
    ] = False,
    smoothing: Annotated[float, typer.Option(min=0, max=1, help="PLDA smoothing factor.")] = 0.0,
    cosine_weight: Annotated[
        float, typer.Option(min=0, help="What a cosine of 1 adds to the score of PLDA; calibrate the sum.")
    ] = 0.0,
    discriminative: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="STEPS",
            help="Train PLDA on to tell the speakers apart, for so many steps after EM; calibrate what comes out.",
        ),
    ] = 0,
    spk2gender: Annotated[
        Path | None, typer.Option(help="Genders of training speakers, for --women-discount; not all need be there.")
    ] = None,
    women_discount: Annotated[
        float,
        typer.Option(
            min=0,
            help="What the score of two women's voices loses where they pass for one too often; calibrate it.",
        ),
    ] = 0.0,
    min_utterances: Annotated[int, typer.Option(min=1, help="Leave out speakers with fewer utterances than this.")] = 1,
    calibration_trials: Annotated[
        Path | None, typer.Option(help="Lines 'enrol test target|nontarget' of other speakers, to calibrate scores on.")
    ] = None,
    calibration_embeddings: Annotated[
        str | None, typer.Option(help="Embeddings of the utterances in these trials.")
    ] = None,
) -> None:
    """Train centring, LDA, length normalisation and PLDA (or cosine) on labelled embeddings.

    With both calibration options it also learns to turn scores into log-likelihood ratios (pysid score --calibrate).

    Example: pysid fit-backend exp/stat/final scp:exp/stat/train.scp data/train/utt2spk --lda-dim 150
    """
    if (calibration_trials is None) != (calibration_embeddings is None):
        raise typer.BadParameter("--calibration-trials and --calibration-embeddings go together")
    if (spk2gender is None) != (not women_discount):
        raise typer.BadParameter("--spk2gender and --women-discount go together")
    of_plda = {
        "--smoothing": smoothing,
        "--cosine-weight": cosine_weight,
        "--discriminative": discriminative,
        "--women-discount": women_discount,
    }
    for option, number in of_plda.items():
        if not math.isfinite(number):
            raise typer.BadParameter(f"{option} must be a finite number, got {number}")
        if number and windows and option != "--smoothing":
            raise typer.BadParameter(f"{option} and --windows exclude each other: clustering takes PLDA of EM alone")
        if number and kind != BackendKind.plda:
            raise typer.BadParameter(f"{option} is for --kind plda")

    from pysid.backend import CosineBackend, PldaBackend
    from pysid.errors import DataError
    from pysid.io.ark.labelled import read_labelled_vectors
    from pysid.model.config import read_config
    from pysid.model.directory import BACKEND_FILE, WINDOW_BACKEND_FILE, find_model_directory, save_backend
    from pysid.runs.score import fit_calibration

    directory = find_model_directory(model)
    if lda_dim is None:
        lda_dim = 200 if kind == BackendKind.plda else 0
    dim = read_config(directory).network.embedding_dim
    X, y = read_labelled_vectors(embeddings, utt2spk, min_utterances, windows=windows)
    if X.shape[1] != dim:
        raise DataError(f"{embeddings}: expected embeddings of {dim} dimensions, as {model} gives, got {X.shape[1]}")
    if kind == BackendKind.plda:
        plda = PldaBackend(lda_dim or None, smoothing=smoothing, cosine_weight=cosine_weight)
        backend: PldaBackend | CosineBackend = _train_on(
            plda.fit(X, y), X, y, discriminative, spk2gender, women_discount
        )
    else:
        backend = CosineBackend(lda_dim or None).fit(X, y)
    if calibration_trials is not None and calibration_embeddings is not None:
        backend.calibration_ = fit_calibration(backend, calibration_trials, calibration_embeddings, dim)
    name = WINDOW_BACKEND_FILE if windows else BACKEND_FILE
    save_backend(directory, backend, name)
    report(f"{directory / name}: {kind} from {len(X)} embeddings of {len(set(y))} speakers")


def _train_on(
    plda: "PldaBackend",
    X: "np.ndarray",
    y: "np.ndarray",
    discriminative: int,
    spk2gender: Path | None,
    women_discount: float,
) -> "PldaBackend":
    """The back-end after what the options ask for beyond EM."""
    women = None if spk2gender is None else _women(y, spk2gender)  # which says what is wrong before anything takes long
    if discriminative:
        from pysid.training.discriminative import DiscriminativeConfig, train_discriminatively

        plda = train_discriminatively(plda, X, y, DiscriminativeConfig(n_steps=discriminative))
    if women is not None:
        from pysid.backend.voice_group import VoiceGroup

        known, is_woman = women
        plda.group_ = VoiceGroup(women_discount).fit(plda.projection.transform(X[known]), is_woman, y[known])
    return plda


def _women(y: "np.ndarray", spk2gender: Path) -> "tuple[np.ndarray, np.ndarray]":
    """Which of the embeddings of speakers (N,) are of known gender, (N,) bool, and which of these are women's."""
    import numpy as np

    from pysid.errors import DataError
    from pysid.io.tables import read_spk2gender

    gender = read_spk2gender(spk2gender)
    known = np.array([speaker in gender for speaker in y.tolist()])
    women = np.array([gender[speaker] == "f" for speaker in y[known].tolist()], dtype=bool)
    if women.all() or not women.any():
        raise DataError(f"{spk2gender}: expected women and men among the training speakers, got none of one of them")
    return known, women
