"""Pages that stand elsewhere in the repository, with their links turned to the site's.

A hook of MkDocs: https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

PAGES = {
    "README.md": "index.md",
    "config/README.md": "config.md",
    "config/field_tables.md": "field_tables.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changes.md",
    "resources/tien_shan/SOURCES.md": "sources.md",
    "LICENSE": "licence.md",
    "CITATION.cff": "citation.md",
}


def on_files(files, config):
    root = Path(config.config_file_path).parent
    for source, page in PAGES.items():
        text = (root / source).read_text(encoding="utf-8")
        if Path(source).suffix != ".md":
            text = f"# {Path(page).stem.capitalize()}\n\n```\n{text}```\n"
        files.append(File.generated(config, page, content=with_links(text, source)))
    return files


def with_links(text, source):
    """Links between files of the repository become links between pages; others stay."""

    def turned(match):
        target = match[1]
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        return f"]({PAGES.get(path, path.removeprefix('docs/'))})"

    return re.sub(r"\]\(([^)\s]+)\)", turned, text)
