from pathlib import Path

import torch

from benchmarks.toolkit_golden import Case, weights_of


def test_a_model_of_another_toolkit(tmp_path: Path, pysid) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "theirs" / "campplus_cn_common.bin"
    path.parent.mkdir()
    torch.save(weights_of(Case.read("3d-speaker-campplus").shapes), path)
    outcome = pysid("convert", path, tmp_path / "cam")
    assert outcome.status == 0 and outcome.out.endswith("192 dimensions, from 3D-Speaker\n")
    assert pysid("convert", path.parent, tmp_path / "again").status == 0
    outcome = pysid("convert", path, tmp_path / "other", "--to", "srt")
    assert outcome.status == 2 and "the options are for turns" in outcome.err
    path.write_bytes(b"no checkpoint")
    assert pysid("convert", path, tmp_path / "bad").error.startswith(f"{path}: ")
