"""Speakers of diarizations by name: those who are enrolled, and those who come again in other recordings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pysid.backend.chain import Backend
from pysid.diarization.confidence import turn_confidences
from pysid.diarization.pipeline import Analysis, Diarizer
from pysid.diarization.result import Diarization
from pysid.diarization.voices import Identity, Voice, find_voices
from pysid.segments import Turn
from pysid.speakers.assign import AssignedName, assign_names
from pysid.speakers.decision import OperatingPoint
from pysid.speakers.identify import Identifier
from pysid.speakers.link import LINK_POINT, link_voices


@dataclass(frozen=True)
class Naming:
    """What the speakers of a run are called.

    Attributes:
        identifier: looks speakers up among those enrolled; None leaves them as they are.
        link: a person who comes again in another recording has the same name there.
        link_point: where two speakers of different recordings are taken for one person.
        exclusive: one speaker at a time.
    """

    identifier: Identifier | None = None
    link: bool = False
    link_point: OperatingPoint = LINK_POINT
    exclusive: bool = False

    @property
    def needs_voices(self) -> bool:
        """Whether embeddings of the speakers have to be made."""
        return self.identifier is not None or self.link


def with_voices(diarizer: Diarizer, analysis: Analysis, found: Diarization, exclusive: bool = False) -> Diarization:
    """A diarization with the voices of its speakers and the confidences of its turns, from the analysis behind it.

    Args:
        exclusive: one speaker at a time; the voices are of what each says alone all the same.
    """
    turns = found.exclusive if exclusive else found.turns
    speakers = {turn.speaker for turn in turns}
    voices = [x for x in find_voices(diarizer.model, analysis.features, found.turns) if x.speaker in speakers]
    confidences = None
    if found.clustering is not None and analysis.frames is None:  # else windows have a clock of their own
        labels = found.clustering.labels
        names = [f"speaker{i + 1}" for i in range(found.clustering.n_speakers)]
        projection = diarizer.backend.projection
        confidences = turn_confidences(turns, analysis.windows, analysis.embeddings, labels, names, projection)
    fingerprint = diarizer.model.fingerprint()
    return replace(found, turns=turns, voices=voices, confidences=confidences, model=fingerprint)


def with_enrolled_names(found: Diarization, identifier: Identifier) -> Diarization:
    """A diarization, whose voices are known, with the names of those speakers who are enrolled.

    The others, and those with too little clean speech to tell, stay "speaker2" and so on; should somebody be enrolled
    under such a name, the stranger gets the next free number.
    """
    voices = found.voices or []
    known = [voice for voice in voices if voice.embedding is not None]
    assigned = assign_names(identifier, [x.embedding for x in known if x.embedding is not None])
    identities = {voice.speaker: _identity(name) for voice, name in zip(known, assigned, strict=True)}
    names = {speaker: identity.name for speaker, identity in identities.items() if identity and identity.accepted}
    taken = set(names.values())
    for speaker in found.speakers:
        if speaker not in names:
            names[speaker] = _free(speaker, taken | (set(found.speakers) - {speaker}))
            taken.add(names[speaker])
    marked = replace(found, voices=[replace(x, identity=identities.get(x.speaker)) for x in voices])
    return with_names(marked, names)


def linked(found: Sequence[Diarization], backend: Backend, point: OperatingPoint = LINK_POINT) -> list[Diarization]:
    """Diarizations, whose voices are known, in which a person has the same name throughout.

    Speakers are numbered anew, in the order in which they first talk in the recordings as given. Those who are
    named after somebody enrolled keep their names. A speaker without an embedding is linked to nobody.

    Args:
        found: of the recordings, in order.
        backend: of their model, calibrated.
        point: where two voices are taken for one person's.
    """
    voices = [
        (i, voice)
        for i, diarization in enumerate(found)
        for voice in diarization.voices or []
        if voice.embedding is not None and not is_named(voice)
    ]
    embeddings = np.stack([np.asarray(voice.embedding) for _, voice in voices]) if voices else np.zeros((0, 1))
    persons = link_voices(backend, embeddings, [i for i, _ in voices], point)
    person = {(i, voice.speaker): int(k) for (i, voice), k in zip(voices, persons, strict=True)}
    named = {voice.speaker for x in found for voice in x.voices or [] if is_named(voice)}
    numbers: dict[object, str] = {}
    result = []
    for i, diarization in enumerate(found):
        names = {}
        for speaker in diarization.speakers:
            if any(voice.speaker == speaker and is_named(voice) for voice in diarization.voices or []):
                continue
            key = person.get((i, speaker), (i, speaker))
            if key not in numbers:
                numbers[key] = _free("speaker1", named | set(numbers.values()))
            names[speaker] = numbers[key]
        result.append(with_names(diarization, names))
    return result


def is_named(voice: Voice) -> bool:
    """Whether the speaker goes by the name of somebody enrolled."""
    return voice.identity is not None and voice.identity.accepted


def with_names(found: Diarization, names: Mapping[str, str]) -> Diarization:
    """A diarization with speakers renamed; those who are not mentioned keep their names."""
    new: Callable[[str], str] = lambda speaker: names.get(speaker, speaker)  # noqa: E731
    turns = [Turn(turn.segment, new(turn.speaker)) for turn in found.turns]
    voices = None if found.voices is None else [replace(x, speaker=new(x.speaker)) for x in found.voices]
    return replace(found, turns=turns, voices=voices)


def _identity(found: AssignedName) -> Identity | None:
    best, runner_up = found.best, found.runner_up
    if best is None:
        return None
    return Identity(
        best.name,
        found.accepted,
        best.score,
        best.llr,
        best.probability,
        None if runner_up is None else runner_up.name,
        None if runner_up is None else runner_up.probability,
    )


def _free(name: str, taken: set[str]) -> str:
    """A name, or "speaker" with the first number that is free.

    >>> _free("speaker1", {"speaker1", "speaker2"})
    'speaker3'
    """
    number = 1
    while name in taken:
        name, number = f"speaker{number}", number + 1
    return name
