"""Short digests of settings and of code, by which a change is seen."""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parent


def digest(*things) -> str:
    """A short digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(things, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code_digest(*modules: str, package: Path = PACKAGE) -> str:
    """A digest of these modules of the package and of all that they import from it.

    Names are dotted, without the package's own: "grid.cog". Comments, layout and docstrings do not
    count. `from manul.grid import cog` leads to `grid/cog.py` and `grid/__init__.py`, not to all of
    `grid`, so that an edit in a room makes only that again which uses it.
    """
    return digest(sorted((n, module.dumped) for n, module in _behind(package, modules).items()))


@cache
def of_functions(*modules: str, package: Path = PACKAGE) -> dict[str, dict[str, str]]:
    """The same part by part: a digest of each function and class of each module, by their names.

    Under an empty name stands the rest of the module: its constants and imports.
    """
    found = sorted(_behind(package, modules).items())
    return {name: _parts(module.tree) for name, module in found}


def of_script(name: str) -> str:
    """A digest of all that a rule's script imports from the package; Snakemake sees the script."""
    return code_digest(*modules_of(name))


def modules_of(script: str) -> list[str]:
    """What a rule's script imports from the package, as `code_digest` takes it."""
    path = PACKAGE.parent / f"{script}.py"
    return sorted(_read(path, path.stat().st_mtime_ns, PACKAGE.name, "").imported)


class _Module(NamedTuple):
    """The code of a module, without docstrings, and every name that it may import."""

    tree: ast.Module
    dumped: str
    imported: frozenset[str]


@cache
def _read(path: Path, changed: int, package: str, home: str) -> _Module:
    """A module, read once for all that import it; `changed` is when its file was."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = frozenset(_imported(tree, package, home))
    tree = _without_docstrings(tree)
    return _Module(tree, digest(ast.dump(tree)), imported)


def _parts(tree) -> dict[str, str]:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    parts: dict[str, list[str]] = {}
    for statement in tree.body:
        name = statement.name if isinstance(statement, named) else ""
        parts.setdefault(name, []).append(ast.dump(statement))
    return {name: digest(found) for name, found in parts.items()}


def _behind(package, modules) -> dict[str, _Module]:
    """The code behind each module, by name; what is no module of the package is left out."""
    todo, seen, files = list(modules), dict[str, _Module](), _files(package)
    while todo:
        name = todo.pop()
        path = None if name in seen else files.get(name)
        if path is None:
            continue
        home = name if path.name == "__init__.py" else name.rpartition(".")[0]
        seen[name] = _read(path, path.stat().st_mtime_ns, package.name, home)
        todo += [name.rpartition(".")[0], *seen[name].imported]
    return seen


def _files(package) -> dict[str, Path]:
    """The file of each module and sub-package, by name; without that of the package itself."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found.pop("", None)
    return found


def _imported(tree, package, home) -> Iterator[str]:
    """Every name that may be a module of the package; `home` is the sub-package of the importer."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(f"{package}."):
                    yield alias.name.removeprefix(f"{package}.")
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, package, home)
            if source is not None:
                yield source
                yield from (f"{source}.{alias.name}".lstrip(".") for alias in node.names)


def _absolute(node, package, home) -> str | None:
    """Where `from ... import` looks, without the package's name; None outside the package."""
    if node.level:
        above = home.split(".") if home else []
        above = above[: len(above) - node.level + 1]
        return ".".join([*above, *filter(None, [node.module])])
    if node.module == package or (node.module or "").startswith(f"{package}."):
        return node.module[len(package) + 1 :]
    return None


def _without_docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            body[:] = body[1:] or [ast.Pass()]
    return tree


def _is_text(statement) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(getattr(value, "value", None), str)
