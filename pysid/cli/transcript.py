"""`pysid transcript`: what was said, with the names of those who said it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysid.cli.common import Channel, Device, Model, Names, check_stdin, renamed, report

if TYPE_CHECKING:
    from pysid.segments import Turn
    from pysid.transcript import Transcript

FORMATS = ("txt", "srt", "vtt", "md", "json", "docx", "csv", "exmaralda", "chat")


def _check_formats(text: str) -> str:
    for name in text.split(","):
        if name not in FORMATS:
            raise typer.BadParameter(f"expected some of {', '.join(FORMATS)}, with commas between, got {name!r}")
    return text


def transcript(
    source: Annotated[Path, typer.Argument(metavar="AUDIO-OR-TURNS", help="A recording, or its turns: RTTM, JSON ...")],
    words: Annotated[
        Path, typer.Argument(metavar="WORDS", help="What a speech recogniser wrote about it; - is standard input.")
    ],
    formats: Annotated[
        str, typer.Option("--format", "-f", callback=_check_formats, help=f"Of {', '.join(FORMATS)}, with commas.")
    ] = "txt",
    out_dir: Annotated[Path, typer.Option("--out-dir", "-o", help="Folder for the results.")] = Path("."),
    names: Names = None,
    smooth: Annotated[
        bool,
        typer.Option("--smooth/--no-smooth", help="Give words that stray from their sentence to its speaker."),
    ] = True,
    nearest: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="A word outside all turns goes to the nearest one within this distance."
        ),
    ] = 1.0,
    num_speakers: Annotated[
        int | None, typer.Option("--num-speakers", "-n", min=1, help="Speakers in a recording, if that is known.")
    ] = None,
    model: Model = None,
    channel: Channel = None,
    device: Device = "cpu",
) -> None:
    """Assign speakers to the words that a recogniser found, and write the transcript.

    WORDS is the JSON of Whisper, whisperX, faster-whisper, whisper.cpp, Hugging Face, Vosk, AWS Transcribe, Deepgram,
    AssemblyAI or ElevenLabs; or SRT, WebVTT, CTM, a Praat TextGrid, CLAN's CHAT, an EXMARaLDA transcription. It should
    have a time for each word (whisper --word_timestamps True).

    A word goes to the speaker whose turns it overlaps most. The files are called NAME.transcript.txt and so on.

    Example: pysid transcript meeting.mp3 meeting-whisper.json --format docx,srt

    Example: pysid transcript meeting.rttm words.json --name speaker1=Anna --name speaker2=Ben
    """
    from pysid.io.files import STANDARD_STREAM, check_folder, name_text, safe_name
    from pysid.io.turns.convert import read_one
    from pysid.io.turns.formats import BY_ENDING
    from pysid.transcript import Transcript, read_transcript, with_speakers
    from pysid.transcript.formats import TRANSCRIPT_FORMATS, check_format, write_transcript
    from pysid.transcript.formats.document import Document
    from pysid.transcript.sentences import MAX_STRAY_WORDS

    check_stdin(source, words)
    is_turns = source.name.lower().endswith(tuple(BY_ENDING))
    if is_turns and any(option is not None for option in (num_speakers, model, channel)):
        raise typer.BadParameter(
            f"{source} has the turns already: --num-speakers, --model and --channel are for a recording"
        )
    for kind in formats.split(","):
        check_format(kind)
    check_folder(out_dir)
    name = "stdin" if str(source) == STANDARD_STREAM else name_text(source.stem)
    found = read_transcript(words, name)  # before the long work
    if is_turns:
        recording, turns, _ = read_one(source, words.name.partition(".")[0])
    else:
        recording, turns = name, _diarized(source, num_speakers, model, channel, device)
    spoken = with_speakers(
        found, renamed(turns, names), nearest_s=nearest, max_stray_words=MAX_STRAY_WORDS if smooth else 0
    )
    result = Transcript(spoken.words, spoken.language)
    paths = {
        kind: out_dir / f"{safe_name(recording)}.transcript{TRANSCRIPT_FORMATS[kind].ending}"
        for kind in formats.split(",")
    }
    for kind, path in paths.items():
        write_transcript(path, Document(recording, result), kind)
    report(f"{recording}: {_summary(result)}")
    for path in paths.values():
        report(f"wrote {path}")


def _diarized(
    audio: Path, num_speakers: int | None, model: str | None, channel: int | None, device: str
) -> list["Turn"]:
    import pysid

    return pysid.load(model, device).diarize(audio, num_speakers=num_speakers, channel=channel).turns


def _summary(transcript: "Transcript") -> str:
    words = [word for word in transcript.words if word.is_spoken]
    if not words:
        return "no words"
    speakers = len(transcript.speakers)
    parts = [f"{len(words)} word{'' if len(words) == 1 else 's'} of {speakers} speaker{'' if speakers == 1 else 's'}"]
    nobody = sum(word.speaker is None for word in words)
    if nobody:
        parts.append(f"{nobody} of nobody known")
    estimated = sum(word.estimated for word in words)
    if 10 * estimated > len(words):
        parts.append(f"{estimated} without times of their own, so borders between speakers are less exact")
    return ", ".join(parts)
