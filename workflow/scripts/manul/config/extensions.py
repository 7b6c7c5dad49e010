"""Python files of the user's own that add kinds of surface and of analysis.

A file is named under `extensions` in the config and is run when the config is loaded and in each
job; what it registers can then be named like a kind of ours.
"""

import hashlib
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType


class ExtensionError(ValueError):
    """An extension that cannot be run; the message names the file and why."""


def run(paths) -> dict[str, str]:
    """Run each file once; path -> digest of its content, so that an edit makes results again."""
    return {str(path): _run(Path(path)) for path in paths}


def _run(path) -> str:
    if not path.is_file():
        raise ExtensionError(f"extensions: {path}: no such file; paths count from the project")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    name = f"manul_extension_{digest}"
    if name not in sys.modules:
        loader = SourceFileLoader(name, str(path))
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        try:
            loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise ExtensionError(f"extensions: {path}: {type(error).__name__}: {error}") from error
    return digest
