"""Settings of augmentation: where the recordings are, and what is done with them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pysid.augment import (
    AugmentConfig,
    Augmenter,
    BabbleAugment,
    FileBank,
    MusicAugment,
    NoiseAugment,
    ResponseSet,
    ReverbAugment,
    RoomConfig,
    WaveBank,
    simulated_responses,
)
from pysid.augment.augmenter import BANKS
from pysid.augment.codec import TelephoneConfig
from pysid.augment.policies import Policy
from pysid.errors import DataError

KALDI_POLICIES: dict[str, Policy] = {
    policy.kind: policy for policy in (ReverbAugment(), NoiseAugment(), MusicAugment(), BabbleAugment())
}
# {kind of a policy: which of `RecordingPaths` has its recordings}
RECORDINGS_OF = {kind: "rooms" if bank == "responses" else bank for kind, bank in BANKS.items()}
SIMULATED = "simulated"


@dataclass(frozen=True, kw_only=True)
class RecordingPaths:
    """Where the recordings are that speech is augmented with.

    Attributes:
        noises, music, speech: data directories, or files in the form of wav.scp.
        rooms: one or more files in the form of Kaldi's rir_list, each as likely as any other; or "simulated" for small
            and medium rooms (needs pyroomacoustics).
    """

    noises: str | None = None
    music: str | None = None
    speech: str | None = None
    rooms: str | tuple[str, ...] | None = None

    def has(self, kind: str) -> bool:
        """Whether a policy of this kind has recordings, or needs none."""
        return kind not in RECORDINGS_OF or bool(getattr(self, RECORDINGS_OF[kind]))


@dataclass(frozen=True, kw_only=True)
class TrainingAugmentConfig(RecordingPaths):
    """Augmentation while training: the key `augment` of `pysid train`.

    Attributes:
        probability: that a chunk is corrupted at all.
        vad: where the VAD looks for speech: in the "clean" chunk, as in Kaldi's recipes, or in the "augmented" one. In
            noise it takes more for speech, as it will in use; a network that never saw that noise between the words is
            thrown off by it.
        policies: one of them is drawn by weight; None takes those of Kaldi's voxceleb/v2 that have recordings.
        room_probability: see `AugmentConfig`.
        telephone: chunks that are heard over a telephone as well, whatever else they are corrupted by.
        in_memory: decode all recordings when the training starts and keep them: 115 MB per hour at 16 kHz.
    """

    probability: float = 0.5
    vad: Literal["clean", "augmented"] = "clean"
    policies: tuple[Policy, ...] | None = None
    room_probability: float = 0.0
    telephone: TelephoneConfig | None = None
    in_memory: bool = False

    def __post_init__(self) -> None:
        for policy in self.policies or ():
            if not self.has(policy.kind):
                raise ValueError(f"the policy {policy.kind!r} needs `{RECORDINGS_OF[policy.kind]}`, which is not set")
        if self.policies is None and self.telephone is None and not any(map(self.has, RECORDINGS_OF)):
            raise ValueError(f"expected at least one of {', '.join(RECORDINGS_OF.values())}, telephone, got none")
        self.augmenter  # noqa: B018 - for its checks

    @property
    def augmenter(self) -> AugmentConfig | None:
        """The configuration of `Augmenter`; None where there are telephones and no policies."""
        known = tuple(policy for kind, policy in KALDI_POLICIES.items() if self.has(kind))
        policies = known if self.policies is None else self.policies
        if not policies and self.telephone is not None and not self.room_probability:
            return None
        return AugmentConfig(probability=self.probability, policies=policies, room_probability=self.room_probability)


def open_augmenter(config: TrainingAugmentConfig, sample_rate: int) -> Augmenter | None:
    """An augmenter of waves at `sample_rate` Hz, with the recordings that its policies need; None without policies.

    Raises:
        DataError: a list is missing or malformed, or a file or pyroomacoustics is missing.
    """
    own = config.augmenter
    return None if own is None else make_augmenter(own, config, sample_rate, config.in_memory)


def make_augmenter(
    config: AugmentConfig, paths: RecordingPaths, sample_rate: int, in_memory: bool = False
) -> Augmenter:
    """As `open_augmenter`, for any configuration.

    Args:
        config: which corruptions, and how often.
        paths: where recordings of each kind are.
        sample_rate: Hz, of what is corrupted.
        in_memory: read all recordings now, not when they are drawn.
    """
    wanted = {policy.kind for policy in config.policies}
    banks: dict[str, WaveBank | ResponseSet] = {}
    for kind in sorted(wanted & {"noise", "music", "babble"}):
        banks[BANKS[kind]] = open_bank(getattr(paths, RECORDINGS_OF[kind]), sample_rate, in_memory)
    if "reverb" in wanted:
        assert paths.rooms
        banks["responses"] = open_rooms(paths.rooms, sample_rate, in_memory)
    return Augmenter(config, sample_rate, **banks)  # type: ignore[arg-type]


def open_bank(path: str, sample_rate: int, in_memory: bool = False) -> WaveBank:
    """The recordings of a data directory or a wav.scp.

    Args:
        path: the directory, or the list.
        sample_rate: Hz; recordings of another rate are resampled.
        in_memory: read all of them now.
    """
    listed = Path(path) / "wav.scp" if os.path.isdir(path) else Path(path)
    bank = FileBank.from_scp(listed, sample_rate)
    _require_files(bank, listed)
    return bank.load() if in_memory else bank


def open_rooms(rooms: str | tuple[str, ...], sample_rate: int, in_memory: bool = False) -> ResponseSet:
    """The room responses of rir_list files, or simulated ones.

    Args:
        rooms: paths of lists, or `SIMULATED`.
        sample_rate: Hz.
        in_memory: read all responses now.
    """
    if rooms == SIMULATED:
        return simulated_responses(*(RoomConfig(size=size, sample_rate=sample_rate) for size in ("small", "medium")))
    paths = [rooms] if isinstance(rooms, str) else list(rooms)
    responses = ResponseSet.from_lists(paths, sample_rate)
    for place, (bank, path) in enumerate(zip(responses.banks, paths, strict=True)):
        assert isinstance(bank, FileBank)
        _require_files(bank, Path(path))
        if in_memory:
            responses.banks[place] = bank.load()
    return responses


def _require_files(bank: FileBank, listed: Path) -> None:
    """Missing files are reported at once, not hours later when the first of them is drawn."""
    lost = [path for path in bank.paths if not os.path.exists(path)]
    if lost:
        raise DataError(f"{listed}: {len(lost)} of {len(bank)} recordings are missing; the first is {lost[0]}")
