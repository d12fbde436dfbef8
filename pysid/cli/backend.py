"""`pysid fit-backend`: train what scores embeddings."""

from pathlib import Path
from typing import Annotated

import typer


def fit_backend(
    model: Annotated[Path, typer.Argument(help="Model directory, which gets a backend.safetensors.")],
    embeddings: Annotated[str, typer.Argument(help="Training embeddings: scp:FILE, ark:FILE or FILE.npz.")],
    utt2spk: Annotated[Path, typer.Argument(help="Their speakers.")],
    kind: Annotated[str, typer.Option(help="plda or cosine.")] = "plda",
    lda_dim: Annotated[int, typer.Option(min=0, help="Dimensions that LDA keeps; 0 leaves LDA out.")] = 200,
    smoothing: Annotated[float, typer.Option(min=0, help="PLDA smoothing factor.")] = 0.0,
    min_utterances: Annotated[int, typer.Option(min=1, help="Leave out speakers with fewer utterances than this.")] = 1,
) -> None:
    """Train centring, LDA, length normalisation and PLDA (or cosine) on labelled embeddings.

    Example: pysid fit-backend exp/stat/final scp:exp/stat/train.scp data/train/utt2spk --lda-dim 150
    """
    from pysid.backend import CosineBackend, PldaBackend
    from pysid.errors import DataError
    from pysid.io.labelled import read_labelled_vectors
    from pysid.model import find_model, save_backend

    directory = find_model(model)
    X, y = read_labelled_vectors(embeddings, utt2spk, min_utterances)
    backend: PldaBackend | CosineBackend
    if kind == "plda":
        backend = PldaBackend(lda_dim or None, smoothing=smoothing)
    elif kind == "cosine":
        backend = CosineBackend(lda_dim or None)
    else:
        raise DataError(f"--kind must be plda or cosine, got {kind!r}")
    save_backend(directory, backend.fit(X, y))
    print(f"{directory / 'backend.safetensors'}: {kind} from {len(X)} embeddings of {len(set(y))} speakers")
