"""Short digests of settings and of code, by which a change is seen."""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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
    return digest(sorted((name, ast.dump(tree)) for name, tree in _trees(package, modules).items()))


@cache
def of_functions(*modules: str, package: Path = PACKAGE) -> dict[str, dict[str, str]]:
    """The same part by part: a digest of each function and class of each module, by their names.

    Under an empty name stands the rest of the module: its constants and imports.
    """
    return {name: _parts(tree) for name, tree in sorted(_trees(package, modules).items())}


def of_script(name: str) -> str:
    """A digest of all that a rule's script imports from the package; Snakemake sees the script."""
    return code_digest(*modules_of(name))


def modules_of(script: str) -> list[str]:
    """What a rule's script imports from the package, as `code_digest` takes it."""
    tree = ast.parse((PACKAGE.parent / f"{script}.py").read_text(encoding="utf-8"))
    return sorted(set(_imported(tree, PACKAGE.name, "")))


def _parts(tree) -> dict[str, str]:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    parts: dict[str, list[str]] = {}
    for statement in tree.body:
        name = statement.name if isinstance(statement, named) else ""
        parts.setdefault(name, []).append(ast.dump(statement))
    return {name: digest(found) for name, found in parts.items()}


def _trees(package, modules) -> dict[str, ast.Module]:
    """The code behind each module, by name; what is no module of the package is left out."""
    todo, seen = list(modules), dict[str, ast.Module]()
    while todo:
        name = todo.pop()
        path = _file(package, name)
        if name in seen or path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        home = name if path.name == "__init__.py" else name.rpartition(".")[0]
        todo += [name.rpartition(".")[0], *_imported(tree, package.name, home)]
        seen[name] = _without_docstrings(tree)
    return seen


def _file(package, name) -> Path | None:
    """The file of a module or sub-package; None for the package itself and for what is none."""
    path = package / name.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py") if name else ()
    return next((file for file in files if file.exists()), None)


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
