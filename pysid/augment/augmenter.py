"""Training batches augmented: each utterance stays clean or gets noise, music, babble or a room, at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pysid.augment.banks import WaveBank
from pysid.augment.corruptions import Corruption, CorruptionBatch
from pysid.augment.drawing import RandomModule
from pysid.augment.noise import Noise, add_up
from pysid.augment.policies import (
    BabbleAugment,
    MadeNoiseAugment,
    MusicAugment,
    NoiseAugment,
    NoisePolicy,
    Policy,
    ReverbAugment,
)
from pysid.augment.responses import ResponseSet
from pysid.augment.room_batch import corrupt
from pysid.frontend.framing import as_counts, frame_mask

BANKS = {"noise": "noises", "music": "music", "babble": "speech", "reverb": "responses"}


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Configuration of `Augmenter`.

    Attributes:
        probability: that an utterance is corrupted at all. Kaldi's voxceleb/v2 trains on 1.0 M augmented and 1.3 M
            clean utterances, which is 0.44.
        policies: one of them is drawn by weight; the default is that of voxceleb/v2.
        room_probability: that an utterance with noise, music or babble is in a room as well, by a policy of the kind
            "reverb". Kaldi's have either.
    """

    probability: float = 0.5
    room_probability: float = 0.0
    policies: tuple[Policy, ...] = (ReverbAugment(), NoiseAugment(), MusicAugment(), BabbleAugment())

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        if not 0 <= self.room_probability <= 1:
            raise ValueError(f"room_probability must lie in [0, 1], got {self.room_probability}")
        if self.room_probability and not any(isinstance(policy, ReverbAugment) for policy in self.policies):
            raise ValueError('room_probability needs a policy of the kind "reverb"')
        if not sum(policy.weight for policy in self.policies) > 0:
            raise ValueError("expected a policy with a weight above 0")


class Augmenter(RandomModule):
    """Draws a corruption for each utterance of a batch and renders it on the batch's device.

    `draw` reads files and computes hardly anything, so it can run in the workers that read the batch; `render` does the
    rest. What an utterance gets depends only on its length and the generator, not on the rest of its batch.

    Args:
        sample_rate: Hz, of the waves to come.
        noises: foreground noises, for policies of the kind "noise".
        music: for those of the kind "music".
        speech: of other speakers, for "babble".
        responses: for "reverb".
    Raises:
        ValueError: a policy has nothing to draw from, or a bank has another rate.
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
            if isinstance(policy, MadeNoiseAugment):
                continue
            bank = responses if isinstance(policy, ReverbAugment) else self.banks[policy.kind]
            name = BANKS[policy.kind]
            if bank is None:
                raise ValueError(f"the policy {policy.kind!r} needs recordings: Augmenter(..., {name}=...)")
            if bank.sample_rate != sample_rate:
                raise ValueError(f"expected {name} at {sample_rate} Hz, got {bank.sample_rate} Hz")

    def forward(
        self,
        wave: Tensor,
        lengths: Tensor | Sequence[int] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """A batch (B, S) at int16 scale, corrupted: (B, S), zeros past an utterance's own end.

        Args:
            lengths: (B,) own samples of each utterance; None means that none is padded.
            rng: the same one gives the same corruptions, in the order of the batch; see `RandomModule`.
        """
        rng = self.generator(rng)
        if rng is None:
            return wave
        counts = as_counts(lengths, wave, "lengths")
        return self.render(wave, counts, [self.draw(n, rng) for n in counts.tolist()])

    def draw(self, n_samples: int, rng: np.random.Generator) -> Corruption:
        """Draws the corruption of an utterance of that many samples.

        Raises:
            DataError: a file cannot be read, or a room response has only zeros.
        """
        kind, response, noises = self.draw_parts(n_samples, rng)
        return Corruption(kind, response, add_up(noises, n_samples) if noises else None)

    def draw_parts(self, n_samples: int, rng: np.random.Generator) -> tuple[str, np.ndarray | None, list[Noise]]:
        """The same for an utterance too long to hold, for `corrupted_blocks`: noises are read when they are heard.

        Args:
            n_samples: of the utterance.
            rng: all is drawn from it.
        Returns:
            The kind of the policy, the response (R,), and the noises.
        Raises:
            DataError: as `draw`.
        """
        if rng.random() >= self.config.probability:
            return "clean", None, []
        weights = np.array([policy.weight for policy in self.config.policies])
        policy = self.config.policies[int(rng.choice(len(weights), p=weights / weights.sum()))]
        if isinstance(policy, ReverbAugment):
            return policy.kind, self._room(rng), []
        noises = self._noises(policy, n_samples, rng)
        in_room = self.config.room_probability and rng.random() < self.config.room_probability
        return policy.kind, self._room(rng) if in_room else None, noises

    def _room(self, rng: np.random.Generator) -> np.ndarray:
        assert self.responses is not None
        return self.responses.draw(rng)

    def _noises(self, policy: NoisePolicy, n_samples: int, rng: np.random.Generator) -> list[Noise]:
        if isinstance(policy, MadeNoiseAugment):
            return policy.draw(self.sample_rate, n_samples, rng)
        bank = self.banks[policy.kind]
        assert bank is not None
        return policy.draw(bank, n_samples, rng)

    def render(
        self,
        wave: Tensor,
        lengths: Tensor | Sequence[int] | None,
        corruptions: Sequence[Corruption] | CorruptionBatch,
    ) -> Tensor:
        """The batch (B, S) with a corruption for each utterance, as `forward`.

        Args:
            wave: (B, S) at int16 scale.
            lengths: (B,) own samples of each utterance; None counts all S.
            corruptions: what `draw` gave, one for each row.
        """
        batch = corruptions if isinstance(corruptions, CorruptionBatch) else CorruptionBatch.stack(corruptions)
        counts = as_counts(lengths, wave, "lengths")
        result = wave * frame_mask(counts, wave.shape[1])
        for group in batch.to(wave.device).groups:
            index = torch.tensor(group.rows, device=wave.device)
            result[index] = corrupt(
                wave[index],
                None if lengths is None else counts[index],  # checking counts on a GPU makes the CPU wait for it
                self.sample_rate,
                response=group.response,
                response_lengths=group.response_lengths,
                noise=group.noise,
            )
        return result
