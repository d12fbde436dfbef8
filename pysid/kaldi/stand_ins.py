"""Stand-ins for Kaldi's programs: `pysid kaldi PROGRAM ARGUMENTS`.

A stand-in takes Kaldi's options and arguments, writes the same files and messages, and has the same exit status:
0; 1 on wrong numbers of arguments, and where nothing could be done; 255 on an error. See docs/kaldi.md.
"""

import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from pysid.errors import DataError, PysidWarning, one_line
from pysid.io.files import atomic_text
from pysid.kaldi import command_line
from pysid.kaldi.command_line import WrongUsage
from pysid.kaldi.log import Log
from pysid.kaldi.other_programs import PLACES, refusal
from pysid.kaldi.run import Program, Run
from pysid.kaldi.streams import ALLOW_PIPES, allow_pipes_in_files

ERROR = 255  # Kaldi's programs end with -1
SHIM = "#!/bin/sh\n# a stand-in of pysid's\n"  # how the files that `install_shims` writes begin

_MODULES = {
    "feature_copies": ("copy-feats", "subset-feats", "feat-to-len", "feat-to-dim", "select-voiced-frames"),
    "copies": ("copy-vector", "copy-matrix", "copy-int-vector"),
    "sums": ("vector-sum", "matrix-sum"),
    "waves": ("wav-copy", "wav-to-duration", "extract-segments", "extend-wav-with-silence"),
    "reverberate": ("wav-reverberate",),
    "features": ("compute-mfcc-feats", "compute-fbank-feats", "compute-plp-feats"),
    "feature_changes": ("compute-vad", "apply-cmvn-sliding", "add-deltas"),
    "feature_frames": ("shift-feats", "splice-feats", "subsample-feats", "paste-feats", "concat-feats"),
    "cmvn": ("compute-cmvn-stats", "apply-cmvn"),
    "vads": ("merge-vads", "compute-vad-from-frame-likes"),
    "vectors": ("ivector-mean", "ivector-subtract-global-mean", "ivector-normalize-length"),
    "transforms": ("ivector-transform", "transform-vec", "est-pca", "ivector-compute-lda"),
    "plda": ("ivector-compute-plda", "ivector-copy-plda", "ivector-adapt-plda"),
    "scoring": ("ivector-plda-scoring", "ivector-plda-scoring-dense", "ivector-compute-dot-products", "compute-eer"),
    "clustering": ("agglomerative-cluster",),
    "mixtures": (
        *(f"{kind}-global-{work}" for kind in ("gmm", "fgmm") for work in ("copy", "acc-stats", "sum-accs", "est")),
        *("gmm-global-to-fgmm", "fgmm-global-to-gmm", "gmm-global-init-from-feats"),
    ),
    "posteriors": (
        *("gmm-gselect", "fgmm-gselect", "gmm-global-get-post", "fgmm-global-gselect-to-post"),
        *("fgmm-global-get-frame-likes", "scale-post"),
    ),
    "ivectors": (
        "ivector-extract",
        *(f"ivector-extractor-{w}" for w in ("init", "acc-stats", "sum-accs", "est", "copy")),
    ),
    "networks": ("nnet3-copy", "nnet3-info", "nnet3-xvector-compute"),
}

PROGRAMS = {name: module for module, names in _MODULES.items() for name in names}
"""The module, in `pysid.kaldi.programs`, of each program."""


def load_program(name: str) -> Program:
    """A program by its name.

    Raises:
        DataError: there is no stand-in for it.
    """
    if name not in PROGRAMS:
        raise DataError(f"no stand-in for {name!r}; there are {', '.join(sorted(PROGRAMS))}")
    programs = import_module(f"pysid.kaldi.programs.{PROGRAMS[name]}").PROGRAMS
    program: Program = programs[name]
    return program


def run_program(name: str, words: Sequence[str], *, allow_pipes: bool = False) -> int:
    """Runs a program.

    Args:
        name: such as "copy-feats".
        words: its options and arguments.
        allow_pipes: run commands in lists of files (scp), too; those in `words` always run.
    Returns:
        the exit status.
    Raises:
        DataError: there is no stand-in for it.
    """
    program, log = load_program(name), Log(name)
    try:
        line = command_line.parse(words, program.options)
        log.verbose = line.options["verbose"]
        if line.options["help"]:
            print(command_line.usage(program.usage, program.options), file=sys.stderr)
            return 0
        if line.options["print-args"]:
            command_line.print_arguments(name, words)
        if len(line.arguments) not in program.n_arguments:
            print(command_line.usage(program.usage, program.options), file=sys.stderr)
            return 1
        with ExitStack() as stack:
            stack.enter_context(_warnings_to(log))
            return program.main(Run(line, log, allow_pipes, stack))
    except WrongUsage as error:
        print(command_line.usage(program.usage, program.options), file=sys.stderr)
        log.error(str(error))
    except (ValueError, OSError) as error:
        log.error(one_line(error))
    except OverflowError as error:  # such as an option of 1e38 seconds
        log.error(f"a number is too large: {one_line(error)}")
    except MemoryError as error:
        log.error(f"there is not enough memory: {one_line(error)}".removesuffix(": "))
    return ERROR


@contextmanager
def _warnings_to(log: Log) -> Iterator[None]:
    """Sends pysid's own warnings to a log; those of libraries are not for users."""

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        log.warn(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PysidWarning)
        warnings.showwarning = show
        yield


def install_shims(folder: str | os.PathLike[str], *, every: bool = False) -> list[Path]:
    """Writes an executable named after each program, which runs its stand-in with this Python and this pysid.

    Args:
        every: also write those of Kaldi's programs that have no stand-in; they say what takes their place.
    Returns:
        the files. With the folder on PATH, Kaldi's scripts find the stand-ins.
    Raises:
        DataError: the folder has another file of one of these names; then nothing is written.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    # Not `-m`, which would look for modules in the working folder first.
    code = (
        f"import sys; sys.path.append({str(Path(__file__).parents[2])!r}); "
        "from pysid.kaldi.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = shlex.join([sys.executable, "-P", "-c", code])
    lines = {name: f'exec {command} {name} "$@"' for name in PROGRAMS}
    if every:
        lines |= {
            name: f"echo {shlex.quote(refusal(name))} >&2\nexit {ERROR}" for name in PLACES if name not in PROGRAMS
        }
    paths = {Path(folder) / name: line for name, line in sorted(lines.items())}
    for path in paths:
        if os.path.lexists(path) and not _is_shim(path):
            raise DataError(f"{path}: expected a stand-in of pysid's or nothing, got another file: choose a new folder")
    for path, line in paths.items():
        with atomic_text(path) as file:
            file.write(f"{SHIM}{line}\n")
        path.chmod(0o755)
    return list(paths)


def _is_shim(path: Path) -> bool:
    """Whether a file is one that `install_shims` wrote."""
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        text = file.read(4096).decode("utf-8", "replace")
    return text.startswith(SHIM) or (text.startswith("#!/bin/sh\n") and "pysid" in text)  # that of an older version


@contextmanager
def _programs_on_path() -> Iterator[None]:
    """Makes the programs known to commands in pipes, too, where neither Kaldi nor its stand-ins are on PATH."""
    if shutil.which("copy-feats"):
        yield
        return
    before = os.environ.get("PATH", os.defpath)
    with TemporaryDirectory(prefix="pysid-kaldi-") as folder:
        install_shims(folder)
        os.environ["PATH"] = before + os.pathsep + folder
        try:
            yield
        finally:
            os.environ["PATH"] = before


def main(words: Sequence[str]) -> int:
    """`pysid kaldi`: `[--allow-pipes] PROGRAM ARGUMENTS`, `--install-shims DIR [--all]`, or `--list`.

    Returns:
        the exit status: that of the program; 2 on wrong usage of `pysid kaldi` itself.
    """
    words = list(words)
    if words[:1] == ["--allow-pipes"]:
        os.environ[ALLOW_PIPES] = "1"  # for the programs in pipes, too
        words.pop(0)
    match words:
        case ["--list"]:
            print("\n".join(sorted(PROGRAMS)))
            return 0
        case ["--install-shims", folder, *flags] if flags in ([], ["--all"]):
            try:
                n_programs = len(install_shims(folder, every=bool(flags)))
            except (DataError, OSError) as error:
                print(f"pysid kaldi: {one_line(error)}", file=sys.stderr)
                return 1
            print(f"{n_programs} programs in {folder}; put that first: PATH={folder}:$PATH")
            return 0
        case [name, *arguments] if name in PROGRAMS:
            with _programs_on_path() if any("|" in word for word in arguments) else nullcontext():
                return run_program(name, arguments, allow_pipes=allow_pipes_in_files())
        case [] | ["--help" | "-h"]:
            print(f"Usage: pysid kaldi {_USAGE}\n\nPrograms: {', '.join(sorted(PROGRAMS))}")
            return 0 if words else 2
        case [name, *_] if name in PLACES:
            print(refusal(name), file=sys.stderr)
            return ERROR
        case [name, *_]:
            print(f"pysid kaldi: no program {name!r}; `pysid kaldi --list` lists them", file=sys.stderr)
            return 2
        case _:
            return 2


_USAGE = """[--allow-pipes] PROGRAM [OPTIONS] ARGUMENTS
       pysid kaldi --install-shims DIR [--all]
       pysid kaldi --list

Runs pysid's stand-in for a program of Kaldi's: same options, same files, same exit status.
Commands in arguments (ark:zcat a.gz |) run; commands in lists of files (wav.scp) only with
--allow-pipes or PYSID_ALLOW_PIPES=1. --install-shims writes an executable for each program,
so that Kaldi's shell scripts run with DIR on PATH; with --all also one for each program
of Kaldi's that has no stand-in, which says what pysid has in its place."""
