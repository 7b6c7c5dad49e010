"""What a data file reaches for: nothing beyond this machine, and no files that are none of ours.

A path, a virtual file (VRT, whatever its name) or a description of a web service can make GDAL call
other machines or read any file of this one. Here files are looked at before GDAL opens them; the
block `allow` of the config lets them reach further.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import rasterio
from rasterio.io import DatasetReader

# What may open a raster; the web services among GDAL's drivers, and drivers that follow links to
# other files without a word, are not here.
RASTER_DRIVERS = [
    "GTiff", "COG", "VRT", "HFA", "AAIGrid", "AIG", "EHdr", "ENVI", "ERS", "netCDF", "HDF4",
    "HDF4Image", "HDF5", "HDF5Image", "GRIB", "GPKG", "JP2OpenJPEG", "PNG", "JPEG", "BMP", "SAGA",
    "RST", "XYZ", "USGSDEM", "SRTMHGT", "DTED", "GSAG", "GSBG", "GS7BG", "ISCE", "PCIDSK", "ILWIS",
    "KEA", "BT", "LCP", "ROI_PAC", "SDTS",
]  # fmt: skip
LOCAL_XML = ("kml", "gpx", "osm", "featurecollection")  # roots that hold their own features
VIRTUAL = (b"<VRTDataset", b"<OGRVRTDataSource")
SOURCES = ("sourcefilename", "sourcedataset", "srcdatasource", "filename", "argument")
WORDS = ("mdi", "srs", "layersrs", "targetsrs", "sourcesrs", "description", "category")
AWAY = re.compile(
    r"/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs|stdin|stdout|mem|plugin)|://", re.IGNORECASE
)
PREFIX = re.compile(r"([A-Za-z][\w+]+):(?![\\/]?$)")  # of a driver; one letter is a drive
LOCAL_PREFIXES = ("netcdf", "hdf4_sds", "hdf4_eos", "hdf5", "gpkg", "gtiff_dir")
ARCHIVE = re.compile(r"/vsi(zip|gzip|tar|7z|rar|sparse|cached)/\{?")
LOOK, LARGEST, DEEPEST = 65_536, 50_000_000, 10  # bytes, bytes, virtual files within each other

MEND_NETWORK = "Fetch the data first, or write `allow: {network: true}` if this is meant"
MEND_OUTSIDE = "Bring the file into the project, or write `allow: {outside: true}` if this is meant"


@contextmanager
def open_raster(path) -> Iterator[DatasetReader]:
    """A raster opened by one of `RASTER_DRIVERS`; RasterioIOError for any other file."""
    with rasterio.Env(), DatasetReader(str(path), driver=RASTER_DRIVERS) as raster:
        yield raster


def beyond(path: str, allow: Mapping[str, bool], depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """What a path, and the file there, reaches for: (found, expected, how to mend it) each.

    `allow` holds `network` and `outside`. Nothing is opened but plain files of this machine.
    """
    if leads_away(path):
        if not allow["network"]:
            yield f"{path!r}, which leads to another machine", "a file", MEND_NETWORK
        return
    if not Path(path).is_file():
        return
    kind = _kind(Path(path))
    if kind == "service" and not allow["network"]:
        yield "XML that may be a description of a web service", "data", MEND_NETWORK
    elif kind == "virtual":
        yield from _sources(Path(path), allow, depth)
    elif depth and (kind == "json" or ".gti." in Path(path).name) and not all(allow.values()):
        yield f"the source {path!r}, a list of other files", "a file with data", MEND_OUTSIDE


def sources(path: Path) -> list[Path]:
    """The files of this machine that a virtual file names, absolute; none for any other file."""
    if _kind(path) != "virtual":
        return []
    try:
        parts = _elements(path)
    except (ElementTree.ParseError, ValueError):
        return []
    named = [(_words(part), _is_relative(part)) for part in parts if _tag(part) in SOURCES]
    return [_local(path, *told) for told in named if told[0] and not leads_away(told[0])]


def leads_away(path: str) -> bool:
    """True for a path that makes GDAL call another machine, a database or a stream."""
    prefix = PREFIX.match(path)
    return bool(AWAY.search(path)) or bool(prefix and prefix[1].lower() not in LOCAL_PREFIXES)


# ------------------------------------------------------------------------------------ helpers


def _kind(path) -> str:
    with path.open("rb") as file:
        head = file.read(LOOK)
    if any(word in head for word in VIRTUAL):
        return "virtual"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        return "json"
    root = re.search(rb"<([A-Za-z_][\w.:-]*)", re.sub(rb"(?s)<!--.*?-->|<\?.*?\?>", b"", text))
    if not text.startswith(b"<") or root is None:
        return "data"
    name = root[1].decode().rpartition(":")[2].lower()
    return "data" if name in LOCAL_XML else "service"


def _sources(path, allow, depth) -> Iterator[tuple[str, str, str]]:
    """What the sources of a virtual file reach for."""
    whole = "a virtual file whose sources can be listed"
    try:
        parts = _elements(path) if depth <= DEEPEST else None
    except ElementTree.ParseError as error:
        yield f"a virtual file that is no XML ({error})", whole, "Make it again with gdalbuildvrt"
        return
    except ValueError:
        parts = None
    if parts is None:
        yield f"the virtual file {str(path)!r} of odd build", whole, MEND_OUTSIDE
        return
    for part in parts:
        tag, words = _tag(part), _words(part)
        if words and tag in SOURCES:
            yield from _source(path, words, _is_relative(part), allow, depth)
        elif tag not in WORDS and AWAY.search(words) and not allow["network"]:
            yield f"{words[:200]!r} in {str(path)!r}", "no other machine", MEND_NETWORK


def _source(path, words, relative, allow, depth) -> Iterator[tuple[str, str, str]]:
    if leads_away(words):
        if not allow["network"]:
            found = f"the source {words!r} in {str(path)!r}, which leads to another machine"
            yield found, "files of this machine", MEND_NETWORK
        return
    source = _local(path, words, relative)
    ours = (Path().absolute(), Path(os.path.normpath(path.parent.absolute())))
    files = [source, *(at for at in _places(path, words, relative) if at.is_file())]
    strange = [at for at in files if not any(at.is_relative_to(folder) for folder in ours)]
    if strange and not allow["outside"]:
        found = f"the source {words!r} in {str(path)!r}"
        yield found, f"files in the project or in {path.parent}", MEND_OUTSIDE
        return
    yield from beyond(str(source), allow, depth + 1)


def _elements(path) -> list[ElementTree.Element]:
    """The elements of a virtual file; ParseError (a SyntaxError) for no XML, ValueError for a file
    that is too large or declares types of its own."""
    text = path.read_bytes() if path.stat().st_size <= LARGEST else b"<!DOCTYPE"
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("of odd build")
    return list(ElementTree.fromstring(text).iter())


def _tag(part) -> str:
    return part.tag.rpartition("}")[2].lower()


def _words(part) -> str:
    return (part.text or "").strip()


def _local(path, words, relative) -> Path:
    """Where the file lies that a virtual file names: also one that holds what is meant."""
    places = _places(path, words, relative)
    there = (at for place in places for at in (place, *place.parents) if at.is_file())
    return next(there, next((place for place in places if place.suffix), places[0]))


def _places(path, words, relative) -> list[Path]:
    """All that may be a file in what a virtual file names: `NETCDF:"a.nc":snow` has two parts."""
    home = (path.parent if relative else Path()).absolute()
    plain = PREFIX.sub("", words, count=1)
    parts = re.findall(r'"([^"]+)"|([^:"]+)', plain) if plain != words else []
    names = [a or b for a, b in parts] or [plain.strip('"')]
    if ARCHIVE.search(plain):
        names = [ARCHIVE.sub("", name).replace("}", "") for name in names]
    return [Path(os.path.normpath(home / name)) for name in names]


def _is_relative(part) -> bool:
    told = {key.lower(): value for key, value in part.attrib.items()}
    return told.get("relativetovrt", "0").strip() in ("1", "true", "yes")
