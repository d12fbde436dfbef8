"""An nnet3 network of any form as the embedding network of a model; `to_xvector` is for those of the plain form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pysid.io.kaldi.files import reader_for
from pysid.nnet3.config_lines import ConfigLine
from pysid.nnet3.file import parse_nnet3
from pysid.nnet3.graph import Nnet3Graph


@dataclass(frozen=True)
class Nnet3Config:
    """What must be known of an nnet3 network before its file is read.

    Attributes:
        feature_dim: width of an input frame.
        embedding_dim: width of its output.
        context: the most frames that are too few for an output (Kaldi's voxceleb/v2 network: 14).
        extract: lines of nodes that are merged into the network, as in Kaldi's `extract.config`; they put its output
            where the embedding is.
    """

    feature_dim: int
    embedding_dim: int
    context: int
    extract: tuple[str, ...] = ()
    kind: Literal["nnet3"] = "nnet3"

    def __post_init__(self) -> None:
        if min(self.feature_dim, self.embedding_dim) < 1 or self.context < 0:
            raise ValueError("feature_dim and embedding_dim must be positive, and context must not be negative")


class Nnet3Network(Nnet3Graph):
    """A network as it stands in its file, with its output at the embedding.

    Args:
        content: the file.
        name: what to call it in a message.
        extract: lines to merge in, see `Nnet3Config`.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim).

    Raises:
        DataError: the file is broken (see `read_nnet3`), or the network cannot run (see `Nnet3Graph`).
    """

    def __init__(self, content: bytes, name: str, extract: Sequence[ConfigLine] = ()) -> None:
        model = parse_nnet3(reader_for(content, name)).with_lines(extract)
        super().__init__(model)
        self.content = content
        self.model = model
        self.config = Nnet3Config(
            self.feature_dim, self.embedding_dim, self.min_frames - 1, tuple(line.text for line in extract)
        )
