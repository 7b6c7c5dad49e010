"""Names of data as GDAL writes them: a file, a folder, a part of an archive or of a container."""

import re
from pathlib import Path

ARCHIVES = re.compile(r"/vsi(?:zip|tar|gzip|7z|rar)/\{?(?P<path>.+)")
CONTAINER = re.compile(r"(?P<driver>[A-Z][A-Z0-9_]+):(?P<rest>.+)")


def on_disk(path) -> Path:
    """The file or folder that holds the data: `a.nc` of `NETCDF:a.nc:snow`, `a.zip` of `/vsizip/`.

    A path that is none of these stands for itself, whether it exists or not.
    """
    text = str(path)
    if found := ARCHIVES.fullmatch(text):
        inner = Path(re.sub(r"/vsi(?:zip|tar|gzip|7z|rar)/", "", found["path"]).replace("}", ""))
        outer = (at for at in (inner, *inner.parents) if at.is_file())
        return next(outer, _with_suffix(inner))
    if found := CONTAINER.fullmatch(text):
        parts = re.findall(r'"([^"]+)"|([^:"]+)', found["rest"])
        names = [a or b for a, b in parts]
        return Path(next((name for name in names if Path(name).exists()), names[0]))
    return Path(text)


def under(path, file) -> str:
    """The name of the same data where their file lies at `file`: a job reads by absolute paths."""
    return str(path).replace(str(on_disk(path)), str(file), 1)


def _with_suffix(inner) -> Path:
    """Of an archive that is not there: the first part of the path that looks like a file."""
    return next((at for at in [*reversed(inner.parents), inner] if at.suffix), inner)
