"""The documentation site: links lead somewhere, and each command and each public module has its reference."""

import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "site" / "pages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_become_those_of_the_site(pages):
    text = (
        "[a](kaldi.md#x) [b](../README.md) [c](../benchmarks/README.md) [`d`](../pysid/segments.py) [e](https://x.org)"
    )
    assert pages.linked(text, "docs/input.md", "input.md") == (
        "[a](kaldi.md#x) [b](index.md) [c](repository/benchmarks.md) `d` (`pysid/segments.py`) [e](https://x.org)"
    )
    deeper = pages.linked("[a](../pysid/model/shipped/default/README.md)", "docs/input.md", "how-to/gpu.md")
    assert deeper == "[a](../repository/model-default.md)"
    with pytest.raises(ValueError, match=r"^docs/input.md: the link to nothing.md leads nowhere$"):
        pages.linked("[a](nothing.md)", "docs/input.md", "input.md")


def test_no_link_is_dead(pages):
    for path in sorted((ROOT / "docs").rglob("*.md")):
        name = path.relative_to(ROOT / "docs").as_posix()
        pages.linked(path.read_text(), f"docs/{name}", name)
    for source, page in pages.ELSEWHERE.items():
        pages.linked((ROOT / source).read_text(), source, page)


def test_schemas_and_tables_are_put_in_where_the_page_has_comments(pages):
    text = (ROOT / "docs" / "formats.md").read_text()
    made = pages.on_page_markdown(text, SimpleNamespace(file=SimpleNamespace(src_uri="formats.md")), None, None)
    assert "how utterances are cut ([schema](schemas/config.json)) |" in made
    assert "```sql\nCREATE TABLE" in made and "<!--" not in made
    assert "{{" not in text, "which would show where the page is read in the repository"


def test_addresses_are_well_formed(pages):
    """Whether they lead somewhere is not asked: tests need no network."""
    found = 0
    for path in [*(ROOT / "docs").rglob("*.md"), *(ROOT / source for source in pages.ELSEWHERE)]:
        for address in re.findall(r"\]\((\w+:[^)]*)\)|<(\w+://[^>]*)>", path.read_text()):
            parts = urlsplit(address[0] or address[1])
            assert parts.scheme == "https" and re.fullmatch(r"[a-z0-9.-]+\.[a-z]+", parts.netloc), (path, address)
            found += 1
    assert found > 3


def test_each_command_has_its_reference(pages):
    found = {name: pages.command_page(name, command) for name, command in pages.commands()}
    assert {"pysid diarize", "pysid eval der", "pysid prepare ami", "pysid speakers list"} <= set(found)
    page = found["pysid diarize"]
    assert page.startswith("# pysid diarize\n") and "| `-n, --num-speakers" in page
    for row in [line for line in page.splitlines() if line.startswith("|")]:
        assert re.sub(r"`.*?`|\\\|", "", row).count("|") == 3, row


def test_each_public_module_has_its_reference(pages):
    found = pages.packages()
    assert {"pysid", "pysid.backend", "pysid.diarization"} <= set(found)
    assert "pysid.diarization.vbx" in found["pysid.diarization"] and "pysid.api" in found["pysid"]
    assert "pysid._lazy" not in found["pysid"] and "pysid.cli" not in found


def test_code_in_a_list_is_indented_by_eight(pages):
    """By less, Python-Markdown takes it for a paragraph of the list's item, where Markdown elsewhere sees code."""
    for path in [*(ROOT / "docs").rglob("*.md"), *(ROOT / source for source in pages.ELSEWHERE)]:
        blocks = re.findall(r"\n\n( {5,7}\S.*)", path.read_text())
        assert not [line for line in blocks if not re.match(r" +([-*+]|\d+\.) ", line)], path
