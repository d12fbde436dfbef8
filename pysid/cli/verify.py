"""`pysid verify`: is this the same voice?"""

from dataclasses import asdict
from typing import Annotated

import typer

from pysid.cli.common import AnswersJson, Channel, Device, MaxHours, Model, check_stdin, put, write_json
from pysid.cli.decisions import CostFa, CostMiss, ModelBackend, Threshold, finish, operating_point, point_values

REJECTED = 3  # exit status with --exit-code


def verify(
    enrol: Annotated[list[str], typer.Argument(metavar="ENROL_AUDIO", help="Recordings of the speaker.")],
    test: Annotated[
        list[str] | None,
        typer.Option("--test", "-t", help="A recording to check; may be repeated. Of two recordings, the second."),
    ] = None,
    model: Model = None,
    backend: ModelBackend = None,
    prior: Annotated[float, typer.Option(help="Probability of the same speaker before anything is heard.")] = 0.5,
    c_miss: CostMiss = 1.0,
    c_fa: CostFa = 1.0,
    threshold: Threshold = None,
    json: AnswersJson = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"Exit with status {REJECTED} if a recording is rejected.")
    ] = False,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    device: Device = "cpu",
) -> None:
    """Say whether recordings are of the same speaker as others ("-" is one on standard input).

    Prints for each whether it is accepted, a score, the log-likelihood ratio (LLR, natural logarithm) that the model's
    calibration makes of it, and the probability of the same speaker at the prior. It is accepted if the ratio is at
    least log(c_fa (1 - prior) / (c_miss prior)), which is 0 by default. The exit status is 0 whatever the answer,
    unless --exit-code asks for another.

    Example: pysid verify ann.wav caller.wav

    Example: pysid verify ann-1.wav ann-2.wav --test caller.wav --prior 0.01
    """
    point = operating_point(prior, c_miss, c_fa, threshold)
    if not test:
        if len(enrol) != 2:
            raise typer.BadParameter("give two recordings, or say with --test which to check")
        enrol, test = enrol[:1], enrol[1:]
    check_stdin(*enrol, *test)

    import pysid
    from pysid.errors import Skipped
    from pysid.speakers.verify import Verifier

    opened = pysid.load(model, device)
    verifier = Verifier(opened, enrol, point, backend, channel=channel, max_hours=max_hours)
    skipped = Skipped()
    answers = []
    for path in test:
        with skipped.on_error(path):
            heard = verifier.listen(path)
            decision = verifier.decide(heard)
            figures = asdict(decision)
            del figures["point"]  # the same for all
            answers.append({"test": path, **figures, "speech_s": heard.speech_s, "faults": heard.faults})
            put(f"{path}: {decision}, {heard.speech_s:.1f} s of speech")
    if answers:
        put(f"accepted means {point}")
    if json is not None:
        speech = [heard.speech_s for heard in verifier.enrolled]
        write_json(
            json,
            {
                "enrol": enrol,
                "enrol_speech_s": speech,
                "decisions": answers,
                **point_values(point),
                "skipped": skipped.reasons,
            },
        )
    finish(skipped, len(test))
    if exit_code and not all(answer["accepted"] for answer in answers):
        raise typer.Exit(REJECTED)
