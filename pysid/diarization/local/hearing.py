"""A recording heard by a segmentation network while its samples are read for other features."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from pysid.errors import DataError
from pysid.frontend.frontend import FeatureConfig
from pysid.frontend.streaming import FeatureStream
from pysid.segmentation.local_speech import LocalSpeech, Segmenter
from pysid.segmentation.protocol import SegmentationNetwork


class Hearing:
    """One recording on its way through a network; samples are not kept.

    Args:
        shift_s: see `Segmenter`.
        features: that are made of the recording anyway, at `sample_rate`: a network that reads the same gets these.
    Raises:
        DataError: the network is for another sample rate.
        ValueError: as of `Segmenter`.
    """

    def __init__(self, network: SegmentationNetwork, shift_s: float, features: FeatureConfig, sample_rate: int) -> None:
        if network.sample_rate != sample_rate:
            raise DataError(
                f"the segmentation network hears {network.sample_rate} Hz, the embedding network {sample_rate} Hz"
            )
        self._segmenter = Segmenter(network, shift_s)
        self._reads_samples = network.features is None
        self._stream = None if network.features in (None, features) else FeatureStream.of(network.features)

    def passing(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same blocks of samples (S_i,), once they are heard."""
        for block in blocks:
            if self._reads_samples:
                self._segmenter.feed(torch.from_numpy(block))
            elif self._stream is not None:
                self._stream.feed(block)
            yield block

    def finish(self, features: Tensor) -> LocalSpeech:
        """What was heard, with the features (T, D) that are made anyway."""
        if not self._reads_samples:
            self._segmenter.feed(features if self._stream is None else self._stream.finish())
        return self._segmenter.finish()
