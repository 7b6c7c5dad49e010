"""A page as PDF: the same HTML, printed on A4 with the type that matplotlib brings along."""

import re
from pathlib import Path

import plutoprint
from matplotlib import get_data_path

from manul.grid import plain_files
from manul.grid.atomic import atomic

FAMILY = "DejaVu Sans"  # Latin, Cyrillic, Greek and the signs of the pages
FACES = {
    ("normal", "normal"): "DejaVuSans.ttf",
    ("bold", "normal"): "DejaVuSans-Bold.ttf",
    ("normal", "italic"): "DejaVuSans-Oblique.ttf",
}  # by weight and style
LINK = re.compile(r' href="#[^"]*"')  # leads nowhere on paper
PRINT = f"""
@page {{ size: A4; margin: 14mm }}
html body {{ font-family: "{FAMILY}"; font-size: 9pt; max-width: none; margin: 0; padding: 0 }}
p {{ margin: 1.2mm 0 }} figcaption, .sub, .foot {{ font-size: 8pt }}
h2 {{ break-after: avoid }} tr, figure {{ break-inside: avoid }}
figure img {{ max-height: 104mm }}
table {{ display: table; font-size: 7.5pt }}
nav {{ display: none }}
"""


class PaperError(OSError):
    """A page that wants something from outside itself."""


def write_pdf(path, html: str, title: str, day: str) -> int:
    """Write a page as PDF; how many sheets it has. `day` (YYYY-MM-DD) stands for its date.

    Only what the page holds itself is shown: nothing is read from disk or network but the type. The
    same page gives the same bytes.
    """
    book = plutoprint.Book(plutoprint.PAGE_SIZE_A4, media=plutoprint.MEDIA_TYPE_PRINT)
    book.custom_resource_fetcher = own = _Fonts()
    book.load_html(LINK.sub("", html), user_style=_faces() + PRINT)
    book.set_metadata(plutoprint.PDF_METADATA_TITLE, title)
    book.set_metadata(plutoprint.PDF_METADATA_CREATOR, "Manul")
    book.set_metadata(plutoprint.PDF_METADATA_CREATION_DATE, f"{day}T00:00:00Z")
    book.set_metadata(plutoprint.PDF_METADATA_MODIFICATION_DATE, f"{day}T00:00:00Z")
    with atomic(path) as partial:
        book.write_to_pdf(str(partial))
        if own.refused:
            raise PaperError(f"the page wants {own.refused[0]!r}, which it does not hold itself")
    return book.get_page_count()


# ------------------------------------------------------------------------------------- helpers


def _folder() -> Path:
    return Path(get_data_path()) / "fonts" / "ttf"


def _faces() -> str:
    return "".join(
        f'@font-face {{ font-family: "{FAMILY}"; font-weight: {weight}; font-style: {style}; '
        f"src: url({(_folder() / file).as_uri()}) }}\n"
        for (weight, style), file in FACES.items()
    )


class _Fonts(plutoprint.ResourceFetcher):
    """Gives the type, and nothing else."""

    def __init__(self):
        super().__init__()
        self.refused: list[str] = []
        self.known = {(_folder() / file).as_uri(): _folder() / file for file in FACES.values()}

    def fetch_url(self, url):
        if url in self.known:
            return plutoprint.ResourceData(plain_files.file_bytes(self.known[url]), "font/ttf")
        self.refused.append(url)
        return plutoprint.ResourceData(b"", "text/plain")
