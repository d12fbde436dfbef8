"""Diarization error over many recordings: which of them are scored, and their scores."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pysid.errors import DataError, PysidWarning
from pysid.metrics.diarization import DerCounts, JerCounts, diarization_error, jaccard_error
from pysid.segments import Segment, Turn


@dataclass(frozen=True)
class DiarizationScore:
    """The counts behind the two error rates of a recording or, added up, of several."""

    der: DerCounts = field(default_factory=DerCounts)
    jer: JerCounts = field(default_factory=JerCounts)

    def __add__(self, other: "DiarizationScore") -> "DiarizationScore":
        return DiarizationScore(self.der + other.der, self.jer + other.jer)


class ScoredRecording(NamedTuple):
    """A recording with what is needed to score it; without a `uem` the turns say which time is scored."""

    name: str
    reference: Sequence[Turn]
    hypothesis: Sequence[Turn]
    uem: Sequence[Segment] | None

    def score(self, *, collar_s: float = 0.0, skip_overlap: bool = False) -> DiarizationScore:
        """See `diarization_error`, and `jaccard_error`, which ignores the two options."""
        turns = (self.reference, self.hypothesis, self.uem)
        return DiarizationScore(
            diarization_error(*turns, collar_s=collar_s, skip_overlap=skip_overlap), jaccard_error(*turns)
        )


def pair_recordings(
    reference: Mapping[str, Sequence[Turn]],
    hypothesis: Mapping[str, Sequence[Turn]],
    uem: Mapping[str, Sequence[Segment]] | None = None,
) -> list[ScoredRecording]:
    """The recordings to score, in the order of the reference.

    They are those of the reference, as in md-eval; or, as in dscore, those of `uem` that one of the other two has.
    One that the hypothesis lacks is missed altogether, any other is left out; a `PysidWarning` tells of both.

    Args:
        reference: {recording: turns}, the truth.
        hypothesis: {recording: turns}.
        uem: {recording: pieces to score}.
    Raises:
        DataError: there is no recording to score, or the hypothesis has turns, and all of them in others.
    """
    known = list(dict.fromkeys((*reference, *hypothesis)))
    wanted, wanted_name = (reference, "reference") if uem is None else (uem, "UEM")
    scored = [name for name in known if name in wanted]
    found = [name for name in scored if name in hypothesis]
    if not scored or (not found and any(hypothesis.values())):
        raise DataError(
            f"the hypothesis has none of the recordings of the {wanted_name}: it begins with "
            f"{next(iter(hypothesis), None)!r}, the {wanted_name} with {next(iter(wanted), None)!r}"
        )
    _warn("the hypothesis lacks {} recordings, which count as missed", len(scored), set(scored) - set(found))
    _warn(f"{{}} recordings are left out, as the {wanted_name} lacks them", len(known), set(known) - set(scored))
    return [
        ScoredRecording(name, reference.get(name, ()), hypothesis.get(name, ()), uem[name] if uem is not None else None)
        for name in scored
    ]


def _warn(message: str, n_total: int, names: set[str]) -> None:
    """Puts "n of n_total" into the message, unless n is 0."""
    if names:
        message = message.format(f"{len(names)} of {n_total}")
        warnings.warn(f"{message}; the first is {min(names)!r}", PysidWarning, stacklevel=3)
