"""Short digests of settings and of code, by which a change is seen."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path


def digest(*things) -> str:
    """A short digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(things, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code_digest(*modules: str) -> str:
    """A digest of these modules of the package and of all that they import from it."""
    here, todo, seen = Path(__file__).parent, list(modules), {}
    while todo:
        name = todo.pop()
        path = here / f"{name.replace('.', '/')}.py"
        path = path if path.exists() else here / name / "__init__.py"
        if name in seen or not path.exists():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        seen[name] = ast.dump(tree)  # comments and layout do not count
        todo += _imported(tree)
        if path.name == "__init__.py":
            todo += [f"{name}.{p.stem}" for p in path.parent.glob("[!_]*.py")]
    return digest(sorted(seen.items()))


def _imported(tree) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "manul":
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("manul."):
            names.append(node.module.removeprefix("manul."))
    return names
