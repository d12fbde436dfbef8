"""`pysid enroll`, `pysid identify` and `pysid speakers`: a database of voices."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysid.cli.common import AnswersJson, Channel, Device, MaxHours, Model, put, report, write_json
from pysid.cli.decisions import (
    CostFa,
    CostMiss,
    ModelBackend,
    Threshold,
    figures,
    finish,
    operating_point,
    point_values,
)

if TYPE_CHECKING:
    from pysid.speakers.identify import Identification

Database = Annotated[Path, typer.Option("--db", help="The database, one file.")]

app = typer.Typer(help="Who is in a database of voices; removal.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


def enrol(
    name: Annotated[str, typer.Argument(help="The speaker's name.")],
    db: Database,
    audio: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AUDIO]...", help="Recordings of the speaker; with --from, the one recording of several speakers."
        ),
    ] = None,
    turns: Annotated[
        Path | None,
        typer.Option("--from", metavar="TURNS", help="A diarization that the speaker is in: pysid's JSON, RTTM ..."),
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(metavar="SPEAKER", help="What the speaker is called in it, such as speaker2.")
    ] = None,
    model: Model = None,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    device: Device = "cpu",
) -> None:
    """Add recordings of a speaker, new or known, to a database, which is made if there is none.

    Or a speaker out of a diarization, by the turns in which nobody else talks: JSON that pysid diarize wrote holds the
    voices, so that the recording is not needed; with turns in another format give the recording too.

    Only what pysid needs to compare voices is kept, not the recordings. That is biometric data all the same.

    Example: pysid enroll --db speakers.db ann ann-1.wav ann-2.wav

    Example: pysid enroll --db speakers.db ann --from meeting.json --speaker speaker2

    Example: pysid enroll --db speakers.db ann meeting.wav --from meeting.rttm --speaker speaker2
    """
    if (turns is None) != (speaker is None):
        raise typer.BadParameter("give --from and --speaker together")
    if turns is not None and len(audio or ()) > 1:
        raise typer.BadParameter("with --from give one recording at most, the one that its turns are of")
    if turns is None and not audio:
        raise typer.BadParameter("give recordings of the speaker, or --from and --speaker")

    import pysid
    from pysid.errors import Skipped
    from pysid.speakers.database import check_name
    from pysid.speakers.identify import enrol as run

    check_name(name)  # before time is spent on opening the model
    if turns is not None and speaker is not None:
        from pysid.runs.enrol_turns import enrol_speaker

        recording = audio[0] if audio else None
        opened = pysid.load(model, device)
        clean_s = enrol_speaker(db, opened, name, turns, speaker, recording, channel=channel, max_hours=max_hours)
        report(f"{db}: {name}, {clean_s:.1f} s of {speaker} in {turns} enrolled")
        return
    assert audio is not None
    skipped = Skipped() if len(audio) > 1 else None
    n = run(db, pysid.load(model, device), name, audio, skipped, channel=channel, max_hours=max_hours)
    report(f"{db}: {name}, {n} recording{'s' if n != 1 else ''} enrolled")
    if skipped is not None:
        finish(skipped, len(audio))


def identify(
    audio: Annotated[list[str], typer.Argument(metavar="AUDIO...", help="Recordings of one speaker each.")],
    db: Database,
    top: Annotated[int, typer.Option(min=1, help="How many of the nearest speakers to show.")] = 1,
    model: Model = None,
    backend: ModelBackend = None,
    prior: Annotated[float, typer.Option(help="Probability that the speaker is enrolled.")] = 0.5,
    c_miss: CostMiss = 1.0,
    c_fa: CostFa = 1.0,
    threshold: Threshold = None,
    json: AnswersJson = None,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    device: Device = "cpu",
) -> None:
    """Name the enrolled speaker whose voice is in a recording, or say "unknown".

    The nearest speaker is named if accepted as by pysid verify, at an N-th of the prior where N speakers are enrolled:
    the more there are, the more likely it is that one sounds alike by chance. Probabilities are those of each speaker
    among all who are enrolled, and of nobody among them.

    Example: pysid identify --db speakers.db caller.wav --top 3
    """
    point = operating_point(prior, c_miss, c_fa, threshold)

    import pysid
    from pysid.errors import Skipped
    from pysid.speakers.database import SpeakerDatabase
    from pysid.speakers.identify import Identifier

    skipped = Skipped()
    answers = []
    with SpeakerDatabase(db) as database:
        opened = pysid.load(model, device)
        identifier = Identifier(database, opened, point, backend, channel=channel, max_hours=max_hours)
        for path in audio:
            with skipped.on_error(path):
                heard = identifier.listen(path)
                found = identifier.identify_embedding(heard.embedding, top)
                sound = {"speech_s": heard.speech_s, "faults": heard.faults}
                answers.append({"audio": path, "speaker": found.speaker, **asdict(found), **sound})
                _print(path, found, top)
        content = {"n_speakers": identifier.n_speakers, "answers": answers, **point_values(identifier.speaker_point)}
    if json is not None:
        write_json(json, {**content, "skipped": skipped.reasons})
    finish(skipped, len(audio))


def _print(path: str, found: "Identification", top: int) -> None:
    from pysid.errors import shown
    from pysid.speakers.database import NOBODY

    best = found.candidates[0]
    nearest = f"nearest {shown(best.name)}, " if found.speaker is None and top == 1 else ""
    listed = "" if top > 1 else f", {nearest}{figures(best)}"
    put(f"{path}: {found.speaker or NOBODY}{listed}")
    for rank, candidate in enumerate(found.candidates if top > 1 else (), start=1):
        put(f"  {rank}. {candidate.name}, {figures(candidate)}")


@app.command("list")
def list_speakers(db: Database, json: AnswersJson = None) -> None:
    """List the speakers with their recordings, the length of these, and when the last was enrolled (UTC).

    Example: pysid speakers list --db speakers.db
    """
    from pysid.errors import shown
    from pysid.speakers.database import SpeakerDatabase

    with SpeakerDatabase(db) as database:
        speakers = database.speakers()
    width = max((len(shown(x.name)) for x in speakers), default=0)
    for x in speakers:
        put(f"{shown(x.name):<{width}}  {x.n_utterances:4d}  {x.duration_s:8.1f} s  {x.enrolled_at}")
    if json is not None:
        write_json(json, {"speakers": [asdict(x) for x in speakers]})


@app.command("remove")
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Speakers to remove; all of them or none.")],
    db: Database,
) -> None:
    """Remove speakers for good: what the database holds of their voices is overwritten.

    Backups, and what a disk keeps of earlier versions of files, are out of its reach.

    Example: pysid speakers remove --db speakers.db ann
    """
    from pysid.speakers.database import SpeakerDatabase

    with SpeakerDatabase(db) as database:
        database.remove(names)
    report(f"{db}: removed {', '.join(names)}")
