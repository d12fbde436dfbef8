"""Training batches made harder: each utterance clean, or with noise, music, babble or a room, by chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pysid.augment.banks import WaveBank
from pysid.augment.noise import add_up
from pysid.augment.policies import BabbleAugment, MusicAugment, NoiseAugment, Policy, ReverbAugment
from pysid.augment.responses import ResponseSet
from pysid.augment.reverberate import corrupt
from pysid.frontend.framing import as_counts, frame_mask

BANKS = {"noise": "noises", "music": "music", "babble": "speech", "reverb": "responses"}


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Options of `Augmenter`.

    Attributes:
        probability: that anything is done to an utterance. Kaldi's voxceleb/v2 trains on 1.0 M augmented and 1.3 M
            clean utterances, which is 0.44.
        policies: one of them is drawn by weight; the default is that of voxceleb/v2.
    """

    probability: float = 0.5
    policies: tuple[Policy, ...] = (ReverbAugment(), NoiseAugment(), MusicAugment(), BabbleAugment())

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        if not sum(policy.weight for policy in self.policies) > 0:
            raise ValueError("expected a policy with a weight above 0")


@dataclass(frozen=True)
class Corruption:
    """What was drawn for an utterance; with neither response nor noise it stays as it is.

    Attributes:
        kind: of the policy; "clean" without one.
        response: (R,) float32 room response at int16 scale.
        noise: (S,) float32 for speech of unit power, of `noise.add_up`.
    """

    kind: str = "clean"
    response: np.ndarray | None = None
    noise: np.ndarray | None = None


class Augmenter(nn.Module):
    """Draws a corruption for each utterance of a batch and renders it on the batch's device.

    `draw` reads files and computes nothing of note, so it can run in the workers that read the batch; `render` is the
    rest. What an utterance gets depends on its length and the generator alone, and not on the rest of its batch.

    Args:
        sample_rate: Hz, of the waves to come.
        noises: foreground noises, for policies of the kind "noise"; likewise
        music: for "music",
        speech: of other speakers, for "babble",
        responses: for "reverb".
    Raises:
        ValueError: a policy has nothing to draw from, or a bank is of another rate.
    """

    def __init__(
        self,
        config: AugmentConfig,
        sample_rate: int = 16000,
        *,
        noises: WaveBank | None = None,
        music: WaveBank | None = None,
        speech: WaveBank | None = None,
        responses: ResponseSet | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = sample_rate
        self.banks = {"noise": noises, "music": music, "babble": speech}
        self.responses = responses
        for policy in config.policies:
            bank = responses if isinstance(policy, ReverbAugment) else self.banks[policy.kind]
            name = BANKS[policy.kind]
            if bank is None:
                raise ValueError(f"the policy {policy.kind!r} needs recordings: Augmenter(..., {name}=...)")
            if bank.sample_rate != sample_rate:
                raise ValueError(f"expected {name} at {sample_rate} Hz, got {bank.sample_rate} Hz")

    def forward(self, wave: Tensor, lengths: Tensor | Sequence[int] | None, rng: np.random.Generator) -> Tensor:
        """A batch (B, S) at int16 scale, corrupted: (B, S), zeros past an utterance's own end.

        Args:
            lengths: (B,) own samples of each utterance; None means that none is padded.
            rng: the same one gives the same corruptions, in the order of the batch.
        """
        counts = as_counts(lengths, wave, "lengths")
        return self.render(wave, counts, [self.draw(n, rng) for n in counts.tolist()])

    def draw(self, n_samples: int, rng: np.random.Generator) -> Corruption:
        """The corruption of an utterance of so many samples.

        Raises:
            DataError: a file cannot be read, or a room response has only zeros.
        """
        if rng.random() >= self.config.probability:
            return Corruption()
        weights = np.array([policy.weight for policy in self.config.policies])
        policy = self.config.policies[int(rng.choice(len(weights), p=weights / weights.sum()))]
        if isinstance(policy, ReverbAugment):
            assert self.responses is not None
            return Corruption(policy.kind, response=self.responses.draw(rng))
        bank = self.banks[policy.kind]
        assert bank is not None
        return Corruption(policy.kind, noise=add_up(policy.draw(bank, n_samples, rng), n_samples))

    def render(self, wave: Tensor, lengths: Tensor | Sequence[int] | None, corruptions: Sequence[Corruption]) -> Tensor:
        """The batch (B, S) with a corruption for each utterance, as `forward`."""
        counts = as_counts(lengths, wave, "lengths")
        result = wave * frame_mask(counts, wave.shape[1])
        in_room = [row for row, c in enumerate(corruptions) if c.response is not None]
        in_noise = [row for row, c in enumerate(corruptions) if c.response is None and c.noise is not None]
        for rows in (in_room, in_noise):
            if not rows:
                continue
            index = torch.tensor(rows, device=wave.device)
            response, response_lengths = _stack([corruptions[row].response for row in rows], wave)
            noise, _ = _stack([corruptions[row].noise for row in rows], wave)
            result[index] = corrupt(
                wave[index],
                counts[index],
                self.sample_rate,
                response=response,
                response_lengths=response_lengths,
                noise=noise,
            )
        return result


def _stack(signals: Sequence[np.ndarray | None], like: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Signals of any lengths as (B, longest) beside a batch, and their lengths (B,); None where there are none."""
    present = [np.zeros(0, np.float32) if signal is None else signal for signal in signals]
    lengths = [len(signal) for signal in present]
    if not any(lengths):
        return None, None
    batch = np.zeros((len(present), max(lengths)), np.float32)
    for row, signal in zip(batch, present, strict=True):
        row[: len(signal)] = signal
    return torch.from_numpy(batch).to(like.device, like.dtype), torch.tensor(lengths, device=like.device)
