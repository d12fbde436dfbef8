"""The AMI meeting corpus (https://groups.inf.ed.ac.uk/ami/corpus/) for diarization.

Who speaks when comes from BUT's AMI-diarization-setup (https://github.com/BUTSpeechFIT/AMI-diarization-setup), or from
the manual annotations themselves, by the rules of that setup: words that touch are one turn, and pauses stay pauses.
Meetings are split as in the corpus' "full-corpus-ASR" partition.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pysid.data.corpora.directories import Meeting, Prepared, report, write_meetings
from pysid.data.corpora.trees import wrong_folder
from pysid.errors import DataError
from pysid.io.text import RowFormat, read_rows
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.io.xml_file import read_xml
from pysid.segments import Segment, Turn

Speech = Literal["words", "vocalsounds", "segments"]

SPLITS = ("train", "dev", "test")
DEV = ("ES2011", "IB4001", "IB4002", "IB4003", "IB4004", "IB4010", "IB4011", "IS1008", "TS3004")
TEST = ("EN2002", "ES2004", "IS1009", "TS3003")
RTTM_FOLDERS = {"words": "only_words", "vocalsounds": "word_and_vocalsounds"}
TAGS = {"words": ("w",), "vocalsounds": ("w", "vocalsound"), "segments": ("segment",)}
TIMES = {"words": ("starttime", "endtime"), "segments": ("transcriber_start", "transcriber_end")}


def prepare_ami(
    audio: Path, reference: Path, out: Path, *, speech: Speech = "words", microphone: str = "Mix-Headset"
) -> list[Prepared]:
    """Writes `OUT/ami_train`, `OUT/ami_dev` and `OUT/ami_test`, those of which there is audio.

    Args:
        audio: `amicorpus`, with `ES2002a/audio/ES2002a.Mix-Headset.wav`, or a folder of such files.
        reference: AMI-diarization-setup, or the folder of the manual annotations, with `words/`, `segments/` and
            `corpusResources/meetings.xml`.
        speech: what is speech: "words", "vocalsounds" for words and sounds such as laughter, or the transcribers'
            "segments", pauses within them included, which only the manual annotations have.
        microphone: which of a meeting's files.
    Raises:
        DataError: `reference` is neither, a file of it is malformed, or there is no audio at all.
    Warns:
        PysidWarning: meetings without audio.
    """
    if (reference / "only_words").is_dir():
        meetings = _from_setup(reference, speech)
    elif (reference / "words").is_dir():
        meetings = _from_annotations(reference, speech)
    elif reference.is_dir():
        raise wrong_folder(reference, "AMI-diarization-setup with only_words/ in it, or AMI's annotations with words/")
    else:
        raise DataError(
            f"{reference}: expected a folder with references, got {'a file' if reference.exists() else 'nothing'}"
        )
    prepared = []
    for split, names in meetings.items():
        present = {name: path for name in names if (path := _audio(audio, name, microphone))}
        if present:
            missing = [name for name in names if name not in present]
            report(out / f"ami_{split}.missing", f"meetings of {split} have no {microphone} in {audio}", missing)
            complete = {name: Meeting(path, *names[name]) for name, path in present.items()}
            prepared.append(write_meetings(out / f"ami_{split}", complete))
    if not prepared:
        first = next(name for names in meetings.values() for name in names)
        raise DataError(f"{audio}: expected audio such as {first}/audio/{first}.{microphone}.wav, got none")
    return prepared


Reference = tuple[list[Turn], list[Segment] | None]


def _from_setup(folder: Path, speech: Speech) -> dict[str, dict[str, Reference]]:
    """{split: {meeting: its turns and the pieces to score}} of AMI-diarization-setup."""
    if speech not in RTTM_FOLDERS:
        raise DataError(f"{folder}: has words and vocalsounds; {speech} are in AMI's manual annotations")
    meetings: dict[str, dict[str, Reference]] = {}
    for split in SPLITS:
        rows = read_rows(folder / "lists" / f"{split}.meetings.txt", RowFormat("meeting", (1,)))
        meetings[split] = {}
        for _, (name,) in rows:
            turns = read_rttm(folder / RTTM_FOLDERS[speech] / "rttms" / split / f"{name}.rttm").get(name, [])
            uem = folder / "uems" / split / f"{name}.uem"
            meetings[split][name] = turns, read_uem(uem).get(name) if uem.exists() else None
    return meetings


def _from_annotations(folder: Path, speech: Speech) -> dict[str, dict[str, Reference]]:
    """The same of the manual annotations, which score whole meetings."""
    kind = "segments" if speech == "segments" else "words"
    people = _read_people(folder / "corpusResources" / "meetings.xml")
    meetings: dict[str, dict[str, Reference]] = {split: {} for split in SPLITS}
    for path in sorted((folder / kind).glob(f"*.{kind}.xml")):
        name, agent = path.name.split(".")[:2]
        if (name, agent) not in people:
            raise DataError(f"{path}: expected an agent of meetings.xml, got {agent!r} of {name!r}")
        turns, _ = meetings[split_of(name)].setdefault(name, ([], None))
        turns += [Turn(segment, people[name, agent]) for segment in read_speech(path, speech)]
    if not any(meetings.values()):
        raise DataError(f"{folder / kind}: expected files such as ES2002a.A.{kind}.xml, got none")
    for of_split in meetings.values():
        for turns, _ in of_split.values():
            turns.sort(key=lambda turn: (turn.segment.start_s, turn.segment.end_s, turn.speaker))
    return meetings


def split_of(meeting: str) -> str:
    """Which part of the full-corpus-ASR partition a meeting belongs to.

    >>> split_of("ES2011c"), split_of("EN2002a"), split_of("ES2002a")
    ('dev', 'test', 'train')
    """
    return "dev" if meeting[:6] in DEV else "test" if meeting[:6] in TEST else "train"


def read_speech(path: Path, speech: Speech = "words") -> list[Segment]:
    """The turns of one person in one meeting, from `ES2002a.A.words.xml` or `ES2002a.A.segments.xml`.

    Punctuation and words without times are skipped; what touches or overlaps becomes one turn.

    Raises:
        DataError: the file is not XML, or a time is not a number.
    """
    start, end = TIMES["segments" if speech == "segments" else "words"]
    pieces = []
    for element in read_xml(path).iter():
        times = element.get(start), element.get(end)
        if element.tag not in TAGS[speech] or element.get("punc") == "true" or None in times:
            continue
        try:
            pieces.append((float(times[0] or ""), float(times[1] or "")))
        except ValueError:
            raise DataError(f"{path}: expected times in seconds, got {times[0]!r} and {times[1]!r}") from None
    return _join(piece for piece in pieces if piece[0] < piece[1])


def _join(pieces: Iterable[tuple[float, float]]) -> list[Segment]:
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted(pieces):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end_s)
        else:
            joined.append((start_s, end_s))
    return [Segment(*piece) for piece in joined]


def _read_people(path: Path) -> Mapping[tuple[str, str], str]:
    """{(meeting, agent): name of the person, which holds for all meetings}, agents being A, B, ..."""
    people = {}
    for meeting in read_xml(path).iter("meeting"):
        for speaker in meeting.iter("speaker"):
            attributes = meeting.get("observation"), speaker.get("nxt_agent"), speaker.get("global_name")
            observation, agent, name = attributes
            if observation is None or agent is None or name is None:
                raise DataError(f"{path}: expected observation, nxt_agent and global_name, got {attributes}")
            people[observation, agent] = name
    return people


def _audio(folder: Path, meeting: str, microphone: str) -> str | None:
    name = f"{meeting}.{microphone}"
    for place in (f"{meeting}/audio/{name}.wav", f"{name}.wav", f"{name}.flac", f"{meeting}.wav", f"{meeting}.flac"):
        if (folder / place).is_file():
            return str((folder / place).absolute())
    return None
