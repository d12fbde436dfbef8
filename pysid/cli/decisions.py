"""What commands that decide about speakers have in common: options, and how answers are shown."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysid.cli.common import BackendKind, report_skipped

if TYPE_CHECKING:
    from pysid.speakers.decision import OperatingPoint
    from pysid.speakers.identify import Candidate

CostMiss = Annotated[float, typer.Option("--c-miss", help="Cost of rejecting the right speaker.")]
CostFa = Annotated[float, typer.Option("--c-fa", help="Cost of accepting a wrong one.")]
ModelBackend = Annotated[
    BackendKind | None, typer.Option("--backend", help="What scores.", show_default="the model's own")
]
Threshold = Annotated[
    float | None, typer.Option(help="Accept scores of at least this.", show_default="what prior and costs make best")
]


def operating_point(prior: float, c_miss: float, c_fa: float, threshold: float | None) -> "OperatingPoint":
    """The options as a value. Raises typer.BadParameter where one is out of range, or without effect."""
    from pysid.speakers.decision import OperatingPoint

    if threshold is not None and (c_miss, c_fa) != (1.0, 1.0):
        raise typer.BadParameter("give a threshold, or --c-miss and --c-fa, from which one would follow")
    try:
        return OperatingPoint(p_target=prior, c_miss=c_miss, c_fa=c_fa, threshold=threshold)
    except ValueError as error:
        raise typer.BadParameter(str(error).replace("p_target", "prior")) from None


def figures(found: "Candidate") -> str:
    """The score, and what the calibration made of it."""
    from pysid.speakers.decision import describe

    return describe(found.score, found.llr, found.probability)


def point_values(point: "OperatingPoint") -> dict[str, Any]:
    """The operating point for JSON, with the threshold of the ratio that follows."""
    bayes = None if point.threshold is not None else point.llr_threshold
    return {"operating_point": {**asdict(point), "llr_threshold": bayes}}


def finish(skipped: Any, n_total: int) -> None:
    """Says which recordings were left out; exits with status 1 if any was."""
    from pysid.errors import DataError

    if len(skipped) and n_total == 1:
        raise DataError(": ".join(skipped.reasons.popitem()))
    report_skipped(skipped, n_total)
