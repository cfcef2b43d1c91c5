"""A hook of MkDocs: notebooks as pages, with what they say, what they run, and what came of it when they were last executed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def page_of(path: Path) -> str:
    """Return a notebook as Markdown; pictures and tables of its outputs are inside."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _parts(cell)) + "\n"


def _parts(cell: Mapping[str, Any]) -> Iterator[str]:
    """Return what a cell is, and each of its outputs."""
    source = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
    elif cell["cell_type"] == "code" and source.strip():
        yield _fenced(source, "python")
        yield from (shown for output in cell["outputs"] if (shown := _output(output)))


def _output(output: Mapping[str, Any]) -> str:
    """Return an output in the richest form that a page can show."""
    if output["output_type"] == "stream":
        return _fenced(_ESCAPES.sub("", _text(output["text"])), "text")
    if output["output_type"] == "error":
        return _fenced(f"{output['ename']}: {output['evalue']}", "text")
    data = output["data"]
    if "image/png" in data:
        return f"![what this cell draws](data:image/png;base64,{''.join(_text(data['image/png']).split())})"
    if "text/html" in data:
        return f'<div class="output">\n{_without_blank_lines(_text(data["text/html"]))}\n</div>'
    if "text/markdown" in data:
        return _text(data["text/markdown"])
    return _fenced(_text(data.get("text/plain", "")), "text")


def _text(value: Any) -> str:
    """Return text that a notebook holds as lines or whole."""
    return value if isinstance(value, str) else "".join(value)


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _without_blank_lines(html: str) -> str:
    """Return HTML that Markdown takes for one block."""
    return "\n".join(line for line in html.splitlines() if line.strip())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook; the notebook itself stays beside it, to be taken along."""
    from mkdocs.structure.files import File

    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        page = file.src_uri.removesuffix(".ipynb") + ".md"
        files.append(File.generated(config, page, content=page_of(Path(str(file.abs_src_path)))))
    return files
