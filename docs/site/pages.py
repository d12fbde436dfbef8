"""What the documentation site has beside the files of `docs/`: a hook of MkDocs.

- Pages of the repository that stand elsewhere, such as the model cards and the benchmarks.
- The reference of every command, from its help, and of every public name, by mkdocstrings from its docstring.
- The JSON Schemas of a model directory's files, by `schemas.py`.
- Pages of `docs/` that the menu in mkdocs.yml does not name are put under "How to".

Links are written as they work in the repository, and are turned into the site's here. One that leads nowhere is an
error; one to a file that is no page of the site becomes its name.
"""

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Pages that stand elsewhere in the repository: their place there, and here.
ELSEWHERE = {
    "benchmarks/README.md": "repository/benchmarks.md",
    "pysid/model/shipped/default/README.md": "repository/model-default.md",
    "pysid/model/shipped/xvector/README.md": "repository/model-xvector.md",
    "recipes/default/README.md": "repository/recipe-default.md",
    "recipes/commonvoice/README.md": "repository/recipe-commonvoice.md",
    "recipes/diarization/README.md": "repository/recipe-diarization.md",
    "recipes/voxceleb/README.md": "repository/recipe-voxceleb.md",
    "CHANGELOG.md": "repository/changelog.md",
    "CONTRIBUTING.md": "repository/contributing.md",
    "SECURITY.md": "repository/security.md",
    "README.md": "index.md",
}
NO_REFERENCE = {"cli", "kaldi"}  # these are programs: their reference is that of the commands
SQL = re.compile(r"<!-- sql (\S+) -->")  # comments, which do not show where the page is read in the repository
SCHEMA = re.compile(r"<!-- schema (\w+) -->")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def linked(text: str, source: str, page: str) -> str:
    """A page's Markdown with its links as the site has them.

    Args:
        text: with links relative to where it stands in the repository.
        source: its path in the repository.
        page: its path below `docs/`, as the site has it.
    Raises:
        ValueError: a link leads to a file that is not there.
    """

    def turned(match: re.Match[str]) -> str:
        image, words, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match[0]
        place = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if not (ROOT / place).exists():
            raise ValueError(f"{source}: the link to {target} leads nowhere")
        for readme in (place, f"{place}/README.md"):
            if readme in ELSEWHERE:
                return f"{image}[{words}]({relative(ELSEWHERE[readme], page)}{hash_}{anchor})"
        if place.startswith("docs/") and (ROOT / place).is_file():
            return f"{image}[{words}]({relative(place.removeprefix('docs/'), page)}{hash_}{anchor})"
        return words if f"`{place}`" in words or words == place else f"{words} (`{place}`)"

    return LINK.sub(turned, text)


def relative(target: str, page: str) -> str:
    """The path from one page to another."""
    return os.path.relpath(target, os.path.dirname(page) or ".").replace(os.sep, "/")


def commands() -> Iterator[tuple[str, Any]]:
    """("pysid diarize", its command) and so on, in the order of `pysid --help`; groups come as their commands."""
    import typer

    from pysid.cli.commands import app

    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"pysid {name}", command
        else:
            yield from ((f"pysid {name} {sub}", subcommand) for sub, subcommand in inner.items())


def command_page(name: str, command: Any) -> str:
    """The reference of a command: its help as Markdown."""
    from typer._click.core import Context

    context = Context(command, info_name=name)
    usage = command.get_usage(context).removeprefix("Usage: ")
    records = [p.get_help_record(context) for p in command.params if not getattr(p, "hidden", False)]
    rows = [f"| `{what}` | {cell(says)} |" for what, says in filter(None, records)]
    table = ["| argument or option | what it is |", "|---|---|", *rows]
    says = re.sub(r"^Example: (.+)$", r"    \1", command.help or "", flags=re.MULTILINE)
    return f"# {name}\n\n    {usage}\n\n{says}\n\n" + "\n".join(table) + "\n"


def cell(text: str) -> str:
    """Text as it may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def packages() -> dict[str, list[str]]:
    """{package: its public modules}, of those that are for callers; `pysid` has the modules at the top."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "pysid").rglob("*.py")):
        names = path.relative_to(ROOT).with_suffix("").parts
        names = names[:-1] if names[-1] == "__init__" else names
        if any(name.startswith("_") for name in names) or "shipped" in names:
            continue
        package = names[1] if len(names) > 1 and (ROOT / "pysid" / names[1]).is_dir() else ""
        if package not in NO_REFERENCE:
            found.setdefault(f"pysid.{package}".rstrip("."), []).append(".".join(names))
    return found


def package_page(package: str, modules: list[str]) -> str:
    """The reference of a package: each module with its public names."""
    return f"# {package}\n\n" + "\n\n".join(f"::: {module}" for module in modules) + "\n"


def generated() -> dict[str, tuple[str, str]]:
    """{page: (its source in the repository, Markdown)} of all that does not stand in `docs/`."""
    pages = {
        page: (source, (ROOT / source).read_text(encoding="utf-8"))
        for source, page in ELSEWHERE.items()
        if page != "index.md"
    }
    for name, command in commands():
        pages[f"reference/commands/{name.replace(' ', '-')}.md"] = (
            "pysid/cli/commands.py",
            command_page(name, command),
        )
    for package, modules in packages().items():
        pages[f"reference/api/{package}.md"] = ("pysid/__init__.py", package_page(package, modules))
    return pages


_pages: dict[str, tuple[str, str]] = {}


def on_config(config: Any) -> Any:
    """Adds the generated pages, and those the menu forgot, to the menu."""
    _pages.clear()
    _pages.update(generated())
    titles = {page: text.partition("\n")[0].removeprefix("# ") for page, (_, text) in _pages.items()}
    by_title = {title: section for entry in config.nav for title, section in entry.items()}
    by_title["Reference"] += [
        {"Commands": [{t.removeprefix("pysid "): p} for p, t in titles.items() if "/commands/" in p]},
        {"Python": [{t: p} for p, t in titles.items() if "/api/" in p]},
    ]
    listed = set(re.findall(r"[\w./-]+\.md", str(config.nav)))
    docs = Path(config.docs_dir)
    others = sorted(str(path.relative_to(docs)) for path in docs.rglob("*.md"))
    by_title["How to"] += [page for page in others if page not in listed and not page.startswith("site/")]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the generated pages."""
    from mkdocs.structure.files import File

    for page, (_, text) in _pages.items():
        files.append(File.generated(config, page, content=text))
    for name, text in model_schemas().items():
        files.append(File.generated(config, f"schemas/{name}.json", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turns the links."""
    name = page.file.src_uri
    source = _pages[name][0] if name in _pages else f"docs/{name}"
    text = linked(SQL.sub(sql, markdown), source, name)
    return SCHEMA.sub(lambda match: f" ([schema]({relative(f'schemas/{match[1]}.json', name)}))", text)


def model_schemas() -> dict[str, str]:
    """{name: JSON Schema} of the JSON files of a model directory."""
    spec = importlib.util.spec_from_file_location("schemas", Path(__file__).with_name("schemas.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: module.text_of(name) for name in module.configurations()}


def sql(match: re.Match[str]) -> str:
    """The SQL that a module makes its tables by, as a block of code."""
    (sql,) = re.findall(
        r'^SCHEMA = """\n(.*?)"""', (ROOT / match[1]).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return f"```sql\n{sql}```"
