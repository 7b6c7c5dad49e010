"""Map sheets as files: pictures, and a PDF whose maps know where they lie on the ground."""

import gc
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, TextStringObject
from pyproj import CRS

from manul.grid.atomic import atomic
from manul.grid.crs import transformer

MAPS = ("map", "panel")  # labels of axes that show ground
CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))  # of a map, as shares of its width and height


def save(pages: Iterable[Figure], pdf, pictures: Iterable, dpi: int, title: str, crs) -> int:
    """A PDF with a page for each figure, and the first figures as PNG; how many pages it has.

    `pictures` are the files of the PNGs, as many as there are or fewer than pages. Each figure is
    cleared when it is saved, so that of many pages one alone takes memory.

    Axes of the label `map` or `panel` have coordinates in `crs`: a GIS opens the PDF at their
    place, and a reader of PDF tells coordinates. The title stands in the metadata, and no date, so
    that reruns give the same bytes.
    """
    crs, files, found = CRS.from_user_input(crs), iter(pictures), []
    meta = {"Title": title, "Creator": "Manul", "CreationDate": None}
    with atomic(pdf) as partial:
        with PdfPages(partial, metadata=meta) as book:
            for page in pages:
                book.savefig(page, dpi=dpi)
                if path := next(files, None):
                    _picture(page, path, dpi, title)
                found.append(_viewports(page, crs))
                page.clear()
                gc.collect()  # a figure is a ring of references: it would wait for the next ones
        _place(partial, found)
    return len(found)


# ------------------------------------------------------------------------------------- helpers


def _picture(page, path, dpi, title) -> None:
    with atomic(path) as partial:
        meta = {"Title": title, "Software": "Manul"}
        quick = {"compress_level": 3}  # a third of the time, a tenth more bytes
        page.savefig(partial, dpi=dpi, format="png", metadata=meta, pil_kwargs=quick)


def _place(path, found) -> None:
    """Write into the PDF where its maps lie (ISO 32000-2, 12.9 and 12.10)."""
    writer = PdfWriter(clone_from=PdfReader(path))
    for viewports, page in zip(found, writer.pages, strict=True):
        if viewports:
            page[NameObject("/VP")] = ArrayObject(viewports)
    writer.write(path)


def _viewports(page: Figure, crs) -> list[DictionaryObject]:
    width, height = (72 * float(side) for side in page.get_size_inches())  # points
    maps = (axes for axes in page.axes if axes.get_label() in MAPS)
    return [_viewport(axes, width, height, crs) for axes in maps]


def _viewport(axes: Axes, width: float, height: float, crs) -> DictionaryObject:
    box = axes.get_position()
    bounds = [box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    corners = np.array(CORNERS, float)
    x, y = left + corners[:, 0] * (right - left), bottom + corners[:, 1] * (top - bottom)
    lon, lat = transformer(crs, crs.geodetic_crs).transform(x, y)
    code = crs.to_epsg()
    system: dict = {
        "/Type": NameObject("/PROJCS"),
        "/WKT": TextStringObject(crs.to_wkt("WKT1_ESRI")),
    }
    if code:
        system["/EPSG"] = FloatObject(code)
    measure = {
        "/Type": NameObject("/Measure"),
        "/Subtype": NameObject("/GEO"),
        "/Bounds": _numbers(corners.ravel()),
        "/LPTS": _numbers(corners.ravel()),
        "/GPTS": _numbers(np.column_stack([lat, lon]).ravel()),
        "/GCS": _dictionary(system),
    }
    return _dictionary(
        {
            "/Type": NameObject("/Viewport"),
            "/Name": TextStringObject("map"),
            "/BBox": _numbers(bounds),
            "/Measure": _dictionary(measure),
        }
    )


def _dictionary(entries) -> DictionaryObject:
    return DictionaryObject({NameObject(name): value for name, value in entries.items()})


def _numbers(values) -> ArrayObject:
    return ArrayObject(FloatObject(f"{value:.8f}") for value in values)
