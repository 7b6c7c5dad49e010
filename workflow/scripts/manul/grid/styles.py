"""How the layers of a GeoPackage are drawn: styles that QGIS reads from the file itself."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from manul.grid.templates import template

HERE = Path(__file__).parent
# Told apart with any kind of colour vision (Okabe and Ito), red, green, blue.
COLOURS = ("213,94,0", "0,114,178", "0,158,115", "204,121,167", "230,159,0", "86,180,233",
           "0,0,0", "148,103,60")  # fmt: skip
TABLE = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"""
CONTENTS = """INSERT INTO gpkg_contents
(table_name, data_type, identifier, description, last_change)
VALUES ('layer_styles', 'attributes', 'layer_styles', '', '2000-01-01T00:00:00.000Z')"""
ROW = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column,
styleName, styleQML, styleSLD, useAsDefault, description, owner, ui, update_time)
VALUES ('', '', ?, ?, ?, ?, '', 1, '', '', NULL, '2000-01-01T00:00:00.000Z')"""


@dataclass(frozen=True)
class Style:
    """A colour for each value of a column; `labels` what each is called, `aliases` of columns."""

    column: str
    labels: Mapping[str, str]
    line: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)


def add(path, styles: Mapping[str, Style]) -> None:
    """Put the styles of some layers, by name, into a GeoPackage as those to draw them with."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(TABLE)
        file.execute(CONTENTS)
        found = file.execute("SELECT table_name, column_name FROM gpkg_geometry_columns")
        geometry = dict(found.fetchall())
        for layer, style in styles.items():
            file.execute(ROW, (layer, geometry[layer], layer, qml(style)))


def qml(style: Style) -> str:
    """The style as QGIS writes it."""
    classes = [
        (value, label, COLOURS[i % len(COLOURS)])
        for i, (value, label) in enumerate(style.labels.items())
    ]
    return template(HERE / "style.qml.j2").render(
        column=style.column, classes=classes, line=style.line, aliases=style.aliases
    )
