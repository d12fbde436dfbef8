"""`pysid prepare`: the corpora of the VoxCeleb recipe, and two of meetings and broadcasts."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import report

Durations = Annotated[
    bool, typer.Option("--durations", help="Open all files, for utt2dur; leave out those that cannot be read.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Threads that open files.")]
Out = Annotated[Path, typer.Argument(help="Folder for the data directories.")]


class Speech(StrEnum):
    """What counts as speech in AMI."""

    words = "words"
    vocalsounds = "vocalsounds"
    segments = "segments"


def voxceleb1(
    folder: Annotated[Path, typer.Argument(help="With dev/wav/ and test/wav/, or wav/, or voxceleb1_wav/ in it.")],
    out: Out,
    trials: Annotated[
        list[Path] | None,
        typer.Option(help="VoxCeleb's trial lists, one an option.", show_default="those in or beside FOLDER"),
    ] = None,
    meta: Annotated[
        Path | None, typer.Option(help="vox1_meta.csv, for spk2gender.", show_default="that in or beside FOLDER")
    ] = None,
    durations: Durations = False,
    jobs: Jobs = 1,
) -> None:
    """Prepare VoxCeleb1, names and speakers of the test as in Kaldi's recipe.

    The original list O becomes voxceleb1_test/trials; the lists of E and H go to a directory of all speakers.

    Example: pysid prepare voxceleb1 /corpora/VoxCeleb1 data
    """
    from pysid.data.corpora.voxceleb import prepare_voxceleb1

    _show(prepare_voxceleb1(folder, out, trials=trials or (), meta=meta, durations=durations, n_jobs=jobs))


def voxceleb2(
    folder: Annotated[Path, typer.Argument(help="With dev/aac/ and test/aac/, or wav/ for aac/, in it.")],
    out: Out,
    meta: Annotated[
        Path | None, typer.Option(help="vox2_meta.csv, for spk2gender.", show_default="that in or beside FOLDER")
    ] = None,
    durations: Durations = False,
    jobs: Jobs = 1,
) -> None:
    """Prepare VoxCeleb2, names as in Kaldi's recipe.

    Its m4a files are read through the program ffmpeg, again whenever they are used. With enough space, convert
    them once, beside the old ones: where there are both, the faster one is used.

    Example: pysid prepare voxceleb2 /corpora/VoxCeleb2 data
    """
    from pysid.data.corpora.voxceleb import prepare_voxceleb2

    _show(prepare_voxceleb2(folder, out, meta=meta, durations=durations, n_jobs=jobs))


def musan(
    folder: Annotated[Path, typer.Argument(help="With speech/, music/ and noise/ in it.")],
    out: Out,
    use_vocals: Annotated[bool, typer.Option(help="Use music in which somebody sings.")] = True,
    jobs: Jobs = 1,
) -> None:
    """Prepare MUSAN: speech, music and noise to augment with.

    Example: pysid prepare musan /corpora/musan data
    """
    from pysid.data.corpora.musan import prepare_musan

    _show(prepare_musan(folder, out, use_vocals=use_vocals, n_jobs=jobs))


def rirs(
    folder: Annotated[Path, typer.Argument(help="RIRS_NOISES, unpacked.")],
    out: Annotated[Path, typer.Argument(help="Folder for simulated_rirs/smallroom/rir_list and others.")],
) -> None:
    """Prepare RIRS_NOISES: Kaldi's lists of room responses, with absolute paths.

    Example: pysid prepare rirs /corpora/RIRS_NOISES data/rirs
    """
    from pysid.data.corpora.rirs import prepare_rirs

    _show(prepare_rirs(folder, out))


def ami(
    audio: Annotated[Path, typer.Argument(help="amicorpus, or a folder of files such as ES2002a.Mix-Headset.wav.")],
    reference: Annotated[Path, typer.Argument(help="AMI-diarization-setup, or AMI's manual annotations.")],
    out: Out,
    speech: Annotated[
        Speech, typer.Option(help="Only words, vocal sounds too, or the segments of the transcribers.")
    ] = Speech.words,
    microphone: Annotated[str, typer.Option(help="Which of a meeting's files.")] = "Mix-Headset",
) -> None:
    """Prepare the AMI meetings for diarization: train, dev and test with ref.rttm and all.uem.

    Example: pysid prepare ami amicorpus AMI-diarization-setup data
    """
    from pysid.data.corpora.ami import prepare_ami

    _show(prepare_ami(audio, reference, out, speech=speech.value, microphone=microphone))


def voxconverse(
    audio: Annotated[Path, typer.Argument(help="Folder in or below which the recordings lie.")],
    references: Annotated[Path, typer.Argument(help="The repository voxconverse, with dev/ and test/ in it.")],
    out: Out,
) -> None:
    """Prepare VoxConverse for diarization: dev and test with ref.rttm and all.uem.

    Example: pysid prepare voxconverse audio voxconverse data
    """
    from pysid.data.corpora.voxconverse import prepare_voxconverse

    _show(prepare_voxconverse(audio, references, out))


def _show(prepared: Iterable[object]) -> None:
    for line in prepared:
        report(str(line))
