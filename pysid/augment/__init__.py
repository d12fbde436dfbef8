"""Augmentation of batches of waveforms by reverberation, noise, music, babble, speed and telephones, on any device.

    augmenter = Augmenter(AugmentConfig(), noises=noises, music=music, speech=speech, responses=responses)
    corrupted = augmenter(wave, lengths, rng)           # (B, S) at int16 scale -> (B, S)

`reverberate` is Kaldi's wav-reverberate for one wave. Everything random comes from a NumPy generator that the
caller passes, in the order of the batch.
"""

from typing import TYPE_CHECKING

from pysid._lazy import lazy_names

if TYPE_CHECKING:
    from pysid.augment.augmenter import AugmentConfig, Augmenter
    from pysid.augment.banks import FileBank, MemoryBank, WaveBank
    from pysid.augment.channels import reverberate_channels
    from pysid.augment.codec import Telephone, TelephoneConfig
    from pysid.augment.corruptions import Corruption, CorruptionBatch
    from pysid.augment.noise import Noise, add_up
    from pysid.augment.policies import (
        BabbleAugment,
        MadeNoiseAugment,
        MusicAugment,
        NoiseAugment,
        ReverbAugment,
    )
    from pysid.augment.responses import ResponseSet, read_rir_list
    from pysid.augment.reverberation import reverberate
    from pysid.augment.room_batch import corrupt
    from pysid.augment.rooms import RoomConfig, simulate_rooms, simulated_responses
    from pysid.augment.spec_augment import SpecAugment, SpecAugmentConfig
    from pysid.augment.speed import SpeedConfig, SpeedPerturb, change_speed, speed_labels, speed_name

__all__ = [
    "AugmentConfig",
    "Augmenter",
    "BabbleAugment",
    "Corruption",
    "CorruptionBatch",
    "FileBank",
    "MadeNoiseAugment",
    "MemoryBank",
    "MusicAugment",
    "Noise",
    "NoiseAugment",
    "ResponseSet",
    "ReverbAugment",
    "RoomConfig",
    "SpecAugment",
    "SpecAugmentConfig",
    "SpeedConfig",
    "SpeedPerturb",
    "Telephone",
    "TelephoneConfig",
    "WaveBank",
    "add_up",
    "change_speed",
    "corrupt",
    "read_rir_list",
    "reverberate",
    "reverberate_channels",
    "simulate_rooms",
    "simulated_responses",
    "speed_labels",
    "speed_name",
]

__getattr__ = lazy_names(
    __name__,
    {
        "augmenter": (
            "AugmentConfig",
            "Augmenter",
        ),
        "banks": (
            "FileBank",
            "MemoryBank",
            "WaveBank",
        ),
        "channels": ("reverberate_channels",),
        "codec": (
            "Telephone",
            "TelephoneConfig",
        ),
        "corruptions": (
            "Corruption",
            "CorruptionBatch",
        ),
        "noise": (
            "Noise",
            "add_up",
        ),
        "policies": (
            "BabbleAugment",
            "MadeNoiseAugment",
            "MusicAugment",
            "NoiseAugment",
            "ReverbAugment",
        ),
        "responses": (
            "ResponseSet",
            "read_rir_list",
        ),
        "reverberation": ("reverberate",),
        "room_batch": ("corrupt",),
        "rooms": (
            "RoomConfig",
            "simulate_rooms",
            "simulated_responses",
        ),
        "spec_augment": (
            "SpecAugment",
            "SpecAugmentConfig",
        ),
        "speed": (
            "SpeedConfig",
            "SpeedPerturb",
            "change_speed",
            "speed_labels",
            "speed_name",
        ),
    },
)
