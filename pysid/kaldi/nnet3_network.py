"""An nnet3 network of any form as the embedding network of a model; `xvector` is for those of the plain form."""

from dataclasses import dataclass
from typing import Literal

from pysid.kaldi.files import new_writer
from pysid.kaldi.nnet3_config import parse_config_line
from pysid.kaldi.nnet3_file import Nnet3Model, put_nnet3
from pysid.kaldi.nnet3_graph import Nnet3Graph


@dataclass(frozen=True)
class Nnet3Config:
    """What is to be known of an nnet3 network without reading its file.

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
        model: the network before the lines of `extract` are merged in.
        extract: see `Nnet3Config`.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim).

    Raises:
        DataError: see `Nnet3Graph`; or a line of `extract` is none.
    """

    def __init__(self, model: Nnet3Model, extract: tuple[str, ...] = ()) -> None:
        super().__init__(model.with_lines(parse_config_line(text, "config.json: network.extract") for text in extract))
        self.model = model
        self.config = Nnet3Config(self.feature_dim, self.embedding_dim, self.min_frames - 1, extract)

    def content(self) -> bytes:
        """The file that the network came from, byte for byte."""
        writer = new_writer(self.model.binary)
        put_nnet3(writer, self.model, binary=self.model.binary)
        return writer.content()
