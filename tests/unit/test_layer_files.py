"""Vector layers as teams hand them over: layers of a file, letters, columns, lists, shapes."""

import json
import zipfile
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from odc.geo.geobox import GeoBox
from shapely import LineString, Point, Polygon, box

from manul import surfaces
from manul.grid import burn, features, map_tags, vectors
from manul.grid.data_files import on_disk, under
from manul.grid.features import LayerError
from manul.products import outlines, units, zones
from manul.records import layer_files
from manul.records.layer_files import FileFault, read_layer
from manul.surfaces import proximity
from manul.surfaces.registry import Sources


def table(geometry=None, **columns):
    many = len(next(iter(columns.values())))
    shapes = geometry or [Point(77 + i / 10, 42) for i in range(many)]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


def geojson(path, *features):
    made = [
        {"type": "Feature", "properties": properties, "geometry": geometry}
        for properties, geometry in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made}), "utf-8")
    return path


def point(i):
    return {"type": "Point", "coordinates": [77 + i / 10, 42]}


def gpkg(path, **layers):
    for name, rows in layers.items():
        pyogrio.write_dataframe(rows, path, layer=name, append=path.exists())
    return path


# ---------------------------------------------------------------------------- layers of a file


def test_a_file_with_several_layers_asks_which_and_reads_what_is_named(tmp_path):
    path = gpkg(tmp_path / "a.gpkg", north=table(n=[1, 2, 3]), south=table(n=[4, 5]))
    with pytest.raises(FileFault, match=r"2 layers.*north, south.*key `layer`"):
        read_layer(path, {})
    assert read_layer(path, {"layer": "south"})[0]["n"].tolist() == [4, 5]
    both, _ = read_layer(path, {"layer": ["north", "south"]})
    assert both["n"].tolist() == [1, 2, 3, 4, 5] and both.crs == "EPSG:4326"
    with pytest.raises(FileFault, match=r"no layer 'west'.*north, south"):
        read_layer(path, {"layer": "west"})


def test_layers_of_two_coordinate_systems_come_in_that_of_the_first(tmp_path):
    path = gpkg(tmp_path / "a.gpkg", a=table(n=[1]), b=table(n=[2]).to_crs(32643))
    both, _ = read_layer(path, {"layer": ["a", "b"]})
    assert both.geometry.iloc[1].distance(Point(77, 42)) < 1e-6


def test_styles_tables_without_geometry_and_empty_layers_do_not_count(tmp_path):
    path = gpkg(tmp_path / "a.gpkg", mines=table(n=[1, 2]), empty=table(n=[1]).iloc[:0])
    rows = table(styleName=["x"]).drop(columns="geometry")
    for name in ("layer_styles", "notes"):
        pyogrio.write_dataframe(rows, path, layer=name, append=True)
    assert layer_files.chosen(path) == ["mines"]


KML = """<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>
{}</Document></kml>"""
FOLDER = (
    "<Folder><name>{0}</name><Placemark><name>{0}</name><Point><coordinates>77.0,42,1500"
    "</coordinates></Point></Placemark></Folder>"
)


def test_folders_of_a_kml_are_layers(tmp_path):
    path = tmp_path / "places.kml"
    path.write_text(KML.format(FOLDER.format("north") + FOLDER.format("south")), "utf-8")
    with pytest.raises(FileFault, match="north, south"):
        read_layer(path, {})
    both, _ = read_layer(path, {"layer": ["north", "south"]})
    assert sorted(both["Name"]) == ["north", "south"]


TRACK = (
    '<trk><name>walk</name><trkseg><trkpt lat="42" lon="77"/><trkpt lat="42.1" lon="77.1"/>'
    "</trkseg></trk>"
)
GPX = '<?xml version="1.0"?><gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'
WAYPOINT = '<wpt lat="42" lon="77"><name>camp</name></wpt>'


def test_a_gpx_file_gives_its_tracks_or_asks(tmp_path):
    path = tmp_path / "walk.gpx"
    path.write_text(GPX.format(TRACK), "utf-8")
    found, _ = read_layer(path, {})
    assert found.geom_type.tolist() == ["MultiLineString"]
    path.write_text(GPX.format(WAYPOINT + TRACK), "utf-8")
    with pytest.raises(FileFault, match="waypoints, tracks"):
        read_layer(path, {})


def test_folders_archives_and_containers_are_found_on_disk(tmp_path):
    shapes = tmp_path / "s"
    shapes.mkdir()
    pyogrio.write_dataframe(table(n=[1, 2]), shapes / "mines.shp")
    archive = tmp_path / "mines.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for file in shapes.iterdir():
            out.write(file, file.name)
    inside = f"/vsizip/{archive}/mines.shp"
    assert on_disk(inside) == archive
    assert len(read_layer(inside, {})[0]) == 2
    folder = tmp_path / "mines.gdb"
    pyogrio.write_dataframe(table(n=[1, 2, 3]), folder, driver="OpenFileGDB", layer="mines")
    assert on_disk(folder) == folder and len(read_layer(folder, {})[0]) == 3
    (tmp_path / "a.nc").touch()
    for name in (f'NETCDF:"{tmp_path}/a.nc":snow', f"NETCDF:{tmp_path}/a.nc:snow"):
        assert on_disk(name) == tmp_path / "a.nc"
    assert under("NETCDF:data/a.nc:snow", "/home/me/data/a.nc") == "NETCDF:/home/me/data/a.nc:snow"
    assert str(on_disk("/vsizip/data/lost.zip/a/b.shp")) == "data/lost.zip"
    assert str(on_disk("data/roads.gpkg")) == "data/roads.gpkg"


# ------------------------------------------------------------------------------------- letters


@pytest.mark.parametrize("name", ["Нарын", "Ат-Баши"])
def test_letters_of_a_shapefile_that_does_not_tell_its_encoding_are_guessed_and_told(
    tmp_path, name
):
    path = tmp_path / "units.shp"
    pyogrio.write_dataframe(table(name=[name, "Кочкор"]), path, encoding="cp1251")
    path.with_suffix(".cpg").unlink()
    found, told = read_layer(path, {})
    assert found["name"].tolist() == [name, "Кочкор"]
    assert [(c.field, "cp1251" in c.found) for c in told] == [("encoding", True)]
    assert read_layer(path, {"encoding": "cp1251"})[1] == []
    assert read_layer(path, {"encoding": "cp866"})[0]["name"][0] != name


def shapefile(path, text: bytes, language: int, cpg: str | None):
    """A shapefile with one text, what its table says of the language, and a .cpg."""
    pyogrio.write_dataframe(table(name=["NAME".ljust(50, "x")]), path, encoding="ascii")
    dbf = path.with_suffix(".dbf")
    data = bytearray(dbf.read_bytes().replace(b"NAME".ljust(50, b"x"), text.ljust(50)))
    data[29] = language
    dbf.write_bytes(data)
    path.with_suffix(".cpg").unlink()
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    return path


SAYS_WESTERN = [(0x57, None), (0x03, None), (0, "ISO-8859-1"), (0, "1252"), (0x57, "1252")]


@pytest.mark.parametrize(("language", "cpg"), SAYS_WESTERN)
@pytest.mark.parametrize(
    ("name", "encoding", "read_as"),
    [
        ("Нарын", "cp1251", "cp1251"), ("Кочкор № 5 — восток", "cp1251", "cp1251"),
        ("金山银山", "gbk", "gb18030"), ("Нарын", "utf-8", "utf-8"),
    ],
)  # fmt: skip
def test_letters_that_a_shapefile_calls_western_are_read_as_what_they_are(
    tmp_path, name, encoding, read_as, language, cpg
):
    path = shapefile(tmp_path / "units.shp", name.encode(encoding), language, cpg)
    found, told = read_layer(path, {})
    assert found["name"].tolist() == [name]
    assert [c.found for c in told] == [f"letters that read best as {read_as}, such as {name!r}"]


@pytest.mark.parametrize(("language", "cpg"), SAYS_WESTERN)
@pytest.mark.parametrize(
    "name",
    [
        "Zürich–Öst", "CAÑÓN", "ZONE CRÉÉE EN 1990", "MINERAÇÃO NORTE", "ÖÄ", "À classer",
        "La strada è chiusa", "100 % é", "15 €", "Forêt d’Épicéas", "Œuvre",
    ],
)  # fmt: skip
def test_western_letters_stay_western(tmp_path, name, language, cpg):
    path = shapefile(tmp_path / "units.shp", name.encode("cp1252"), language, cpg)
    found, told = read_layer(path, {})
    assert found["name"].tolist() == [name]
    unsaid = ["letters whose encoding is not told"] if (language, cpg) == (0x57, None) else []
    assert [c.found.partition(", such")[0] for c in told] == unsaid


@pytest.mark.parametrize(("name", "encoding"), [("Ош", "cp1251"), ("Ağrı Dağı", "cp1254")])
def test_letters_of_which_nothing_is_said_and_nothing_is_clear_are_asked_for(
    tmp_path, name, encoding
):
    path = shapefile(tmp_path / "units.shp", name.encode(encoding), 0x57, None)
    (told,) = read_layer(path, {})[1]
    assert "encoding is not told" in told.found and "key `encoding`" in told.done


def test_letters_that_a_shapefile_wrongly_calls_utf8_are_read_as_what_they_are(tmp_path):
    path = tmp_path / "units.shp"
    pyogrio.write_dataframe(table(name=["Нарын"]), path, encoding="cp1251")
    path.with_suffix(".cpg").write_text("UTF-8")
    found, told = read_layer(path, {})
    assert found["name"].tolist() == ["Нарын"]
    assert [c.found for c in told] == ["letters that read best as cp1251, such as 'Нарын'"]
    pyogrio.write_dataframe(table(name=["Zürich"]), path, encoding="cp1252")
    path.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(FileFault, match="key `encoding`"):
        read_layer(path, {})
    pyogrio.write_dataframe(table(name=["Нарын"]), path, encoding="UTF-8")
    assert read_layer(path, {})[1] == []


def test_a_shapefile_that_lost_its_columns_says_so(tmp_path):
    path = tmp_path / "units.shp"
    pyogrio.write_dataframe(table(name=["a"]), path)
    assert read_layer(path, {})[1] == []
    path.with_suffix(".dbf").unlink()
    (told,) = read_layer(path, {})[1]
    assert told.expected == "the part .dbf beside the .shp"


def test_a_track_segment_of_one_point_is_left_out_and_told(tmp_path):
    points = [(76.1, 41.1), (76.2, 41.2), (76.3, 41.2)]
    segments = [points[:1], points]
    parts = [
        "".join(f'<trkpt lat="{y}" lon="{x}"><ele>3000</ele></trkpt>' for x, y in part)
        for part in segments
    ]
    track = "".join(f"<trkseg>{part}</trkseg>" for part in parts)
    path = tmp_path / "walk.gpx"
    path.write_text(
        '<?xml version="1.0"?><gpx version="1.1" creator="t" '
        f'xmlns="http://www.topografix.com/GPX/1/1"><trk><name>w</name>{track}</trk></gpx>'
    )
    found, told = read_layer(path, {"layer": "tracks"})
    assert shapely.get_coordinates(found.geometry.iloc[0]).tolist() == [list(p) for p in points]
    assert "a line of one point" in [change.found for change in told]


def test_a_layer_of_more_columns_than_a_geopackage_holds_is_refused(tmp_path):
    path = tmp_path / "wide.geojson"
    pyogrio.write_dataframe(table(**{f"c{i}": [1] for i in range(1001)}), path)
    with pytest.raises(FileFault, match="1002 columns; expected 1000 at most"):
        read_layer(path, {})


def test_a_table_of_coordinates_is_sent_to_the_kind_that_reads_it(tmp_path):
    path = tmp_path / "camps.csv"
    path.write_text("id,lon,lat\nA,76.1,41.5\n")
    with pytest.raises(FileFault, match="`kind: records` and a `table`"):
        read_layer(path, {})


def test_letters_that_cannot_be_guessed_are_told(tmp_path):
    path = tmp_path / "units.shp"
    pyogrio.write_dataframe(table(name=["Zürich"]), path, encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink()
    found, told = read_layer(path, {})
    assert found["name"].tolist() == ["Zürich"]
    assert "'Zürich'" in told[0].found and "key `encoding`" in told[0].done


def test_an_encoding_that_does_not_fit_is_an_error_that_names_the_key(tmp_path):
    path = tmp_path / "units.shp"
    pyogrio.write_dataframe(table(name=["Нарын"]), path, encoding="cp1251")
    for wrong in ("utf-8", "klingon"):
        with pytest.raises(FileFault, match="key `encoding`"):
            read_layer(path, {"encoding": wrong})


# ---------------------------------------------------------------------------- columns and lists


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"fid": 1, "name": "a"}, ["fid_2", "name"]),
        ({"FID": "text", "fid": None}, ["FID_2", "fid_3"]),
        ({"FIXME": "x", "fixme": "y"}, ["FIXME", "fixme_2"]),
        ({"geom": "here", "Geometry": 3}, ["geom_2", "Geometry_2"]),
    ],
)
def test_columns_that_a_geopackage_cannot_hold_are_renamed_and_told(tmp_path, columns, expected):
    path = geojson(tmp_path / "a.geojson", (columns, point(0)), (columns, point(1)))
    found, told = read_layer(path, {})
    assert [c for c in found.columns if c != "geometry"] == expected
    assert [c.done for c in told] == [
        f"It is called {new!r} here" for new in expected if new not in columns
    ]
    vectors.write_vector(tmp_path / "out.gpkg", {"a": found}, {})
    back = vectors.read_rows(tmp_path / "out.gpkg")
    assert back[expected].astype(str).equals(found[expected].astype(str))


def test_lists_are_joined_and_those_with_several_values_told(tmp_path):
    values = ["primary", "track"], "track", None
    path = geojson(
        tmp_path / "a.geojson", *(({"highway": v}, point(i)) for i, v in enumerate(values))
    )
    found, told = read_layer(path, {})
    assert found["highway"].tolist() == ["primary;track", "track", None]
    assert [(c.row, c.field) for c in told] == [("1", "highway")]
    assert "'primary;track'" in told[0].found
    meant = {"fields": {"road": {"from": "highway", "values": {"track": 1, "primary;track": 2}}}}
    with pytest.raises(LayerError):
        read_layer(path, {"fields": {"road": {"from": "highway", "values": {"track": 1}}}})
    assert read_layer(path, meant)[0]["road"].tolist()[:2] == [2, 1]


# -------------------------------------------------------------------------------------- shapes


def ring(*corners):
    return {"type": "Polygon", "coordinates": [list(map(list, corners))]}


def test_an_open_ring_is_closed_and_told_with_its_row(tmp_path):
    path = geojson(
        tmp_path / "a.geojson",
        ({"a": 1}, point(0)),
        ({"a": 2}, ring((77, 42), (77.2, 42.2), (77.2, 42))),
    )
    found, told = read_layer(path, {})
    assert found.geometry[1].area == pytest.approx(0.02)
    assert [(c.row, c.field, c.done) for c in told] == [("2", "geometry", "It was closed")]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("TIN Z (((0 0 0,0 1 0,1 1 0,0 0 0)))", "TIN"),
        ("POLYGON((0 0,1 1))", "too few points"),
        ("POLYHEDRALSURFACE Z (((0 0 0,0 1 0,1 1 0,0 0 0)))", "PolyhedralSurface"),
    ],
)  # fmt: skip
def test_a_shape_that_cannot_be_read_is_named_with_its_row(tmp_path, shape, words):
    path = tmp_path / "a.csv"
    path.write_text(f'WKT,name\n"POINT(1 1)",a\n"{shape}",b\n')
    with pytest.raises(FileFault) as fault:
        read_layer(path, {})
    assert fault.value.told.row == "2" and words in fault.value.told.found


def test_broken_polygons_are_mended_where_their_area_stays_and_told(tmp_path):
    spike = Polygon([(0, 0), (10, 0), (10, 10), (0, 10), (0, 5), (-3, 5), (0, 5)])
    overlap = shapely.MultiPolygon([box(0, 0, 10, 10), box(5, 0, 15, 10)])
    bow_tie = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    path = gpkg(tmp_path / "a.gpkg", a=table([spike, overlap, bow_tie], n=[1, 2, 3]))
    found, told = read_layer(path, {})
    assert found.geometry.is_valid.tolist() == [True, True, False]
    assert found.geometry.area[:2].tolist() == [100, 150]
    assert [c.row for c in told] == ["1", "2"]
    assert found.geometry[2].area == bow_tie.area == 0


def test_a_file_without_features_or_geometry_says_so(tmp_path):
    with pytest.raises(FileFault, match="no features"):
        read_layer(gpkg(tmp_path / "a.gpkg", a=table(n=[1]).iloc[:0]), {})
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileFault, match="without geometry"):
        read_layer(tmp_path / "b.csv", {})


# ------------------------------------------------------------------------------ for the products

GRID = GeoBox.from_bbox((0, 0, 40_000, 40_000), crs="EPSG:6933", resolution=1000)


def test_units_of_one_name_and_none_keep_their_own_rows():
    shapes = [box(i, 0, i + 1, 1) for i in range(5)]
    rows = table(shapes, name=["Naryn", None, "Naryn", "Osh", " "])
    found = features.for_products(rows, [], units=True)
    names = ["Naryn (1)", "(no name) (1)", "Naryn (2)", "Osh", "(no name) (2)"]
    assert found["name"].tolist() == names
    assert features.for_products(rows, [])["name"].tolist() == rows["name"].tolist()


def test_columns_that_products_use_are_blank_where_a_layer_lacks_them():
    found = features.for_products(table(place=["a"]), ["name", "population"])
    assert found["name"].isna().all() and found["population"].isna().all()
    told = features.for_products(table(population=["12 000", "900"]), ["population"])
    assert told["population"].isna().tolist() == [True, False] and told["population"][1] == 900


def test_a_polygon_of_the_whole_world_covers_the_region():
    world = table([box(-180, -90, 180, 90), box(-180, -90, -1, 90)], n=[1, 2])
    found = features.prepare_vector(world, {}, GRID, 10_000)
    assert found["n"].tolist() == [1]
    assert burn.cover_share(found.geometry, GRID).min() == 1


def test_features_without_a_name_are_called_by_their_row():
    lines = gpd.GeoDataFrame(
        {"name": ["A1", None]}, crs=GRID.crs,
        geometry=[LineString([(0, y), (9000, y)]) for y in (5500, 9500)],
    )  # fmt: skip
    spec = {"layer": "roads", "length_m": 5000, "side_m": 1000}
    found = zones.segments(spec, SimpleNamespace(grid=GRID), {"roads": lines})
    assert found["zone"].tolist() == ["A1, km 0", "A1, km 5", "no name 1, km 0", "no name 1, km 5"]


# ------------------------------------------------------------------------------------- extents


class Prepared:
    """What a prepared vector layer gives."""

    def __init__(self, rows, extent=None):
        self.rows_, self.extent = rows, extent

    def read(self, bounds=None):
        return self.rows_


def test_outside_its_extent_the_surfaces_of_a_layer_are_unknown(tmp_path):
    lines = gpd.GeoDataFrame({"n": [1]}, geometry=[LineString([(0, 0), (9000, 0)])], crs=GRID.crs)
    west = shapely.box(0, 0, 20_000, 40_000)
    vectors.write_vector(tmp_path / "roads.gpkg", {"roads": lines}, {map_tags.EXTENT_TAG: west.wkt})
    told = vectors.VectorFile(tmp_path / "roads.gpkg").extent
    assert told.equals(west)
    block = {"kind": "distance", "layer": "roads", "reach_m": 5000.0}
    made = {
        extent is None: surfaces.make(block, GRID, Sources({"roads": Prepared(lines, extent)}))
        for extent in (told, None)
    }
    part = made[False]["value"]
    assert np.isnan(part[:, 20:]).all() and not np.isnan(part[:, :20]).any()
    np.testing.assert_array_equal(part[:, :20], made[True]["value"][:, :20])


def test_an_extent_is_bounds_or_a_file_of_polygons(tmp_path):
    bounds = [0.1, 0.1, 0.2, 0.2]
    made = features.surveyed(bounds, GRID, 10_000)
    pyogrio.write_dataframe(table([box(*bounds)], n=[1]), tmp_path / "e.gpkg")
    again = features.surveyed(str(tmp_path / "e.gpkg"), GRID, 10_000)
    assert made.area == pytest.approx(again.area, rel=1e-9)
    # EPSG:6933: 96 486 m to a degree of longitude, 127 000 m to one of latitude at the equator
    assert made.area == pytest.approx(9649 * 12_737, rel=0.02)
    assert features.surveyed(None, GRID, 0) is None
    for wrong in ([2, 1, 1, 2], [10, 50, 11, 51]):
        with pytest.raises(LayerError, match="extent"):
            features.surveyed(wrong, GRID, 0)


def test_near_an_unknown_inner_surface_only_what_is_unknown_is(tmp_path):
    slopes = np.full((40, 40), 30.0, "float32")
    slopes[:, 20:] = np.nan

    class Slopes:
        def of(self, block, grid):
            corner = ~GRID.affine @ (grid.boundingbox.left, grid.boundingbox.top)
            column, row = (round(number) for number in corner)
            rows, columns = np.mgrid[: grid.height, : grid.width]
            rows, columns = rows + row, columns + column
            out = np.full(grid.shape, np.nan, "float32")
            ok = (rows >= 0) & (rows < 40) & (columns >= 0) & (columns < 40)
            out[ok] = slopes[rows[ok], columns[ok]]
            return out

    block = {"kind": "distance", "of": {"kind": "slope"}, "minimum": 40, "reach_m": 3000}
    made = proximity.distance(block, GRID, Slopes())
    assert np.isnan(made[:, 20:]).all() and (made[:, :20] == 3000).all()


def test_units_beside_the_region_have_no_cells_and_stop_nothing():
    """The last unit lies in the margin and the one before it on unknown ground."""
    maps = {"habitat": np.ones((40, 40), "float32")}
    maps["habitat"][:, 20:] = np.nan

    class Fields:
        grid = GRID

        def blocks(self):
            yield slice(0, 40), slice(0, 40)

        def window(self, name, rows, columns):
            return maps[name][rows, columns]

        def at(self, rows, columns):
            return {name: band[rows, columns] for name, band in maps.items()}

    shapes = [
        box(0, 0, 20_000, 40_000),
        box(20_000, 0, 40_000, 40_000),
        box(90_000, 0, 95_000, 9000),
    ]
    polygons = gpd.GeoDataFrame({"name": list("abc")}, geometry=shapes, crs=GRID.crs)
    wanted = {"area": lambda maps: np.isfinite(maps["habitat"])}
    found = outlines.sums(Fields(), units._numbers(polygons, Fields()), len(polygons), wanted)
    assert found["area"][0].tolist()[1:] == [800, 0, 0]


@pytest.mark.parametrize(
    ("shapes", "kind"), [([Point(0, 0), None], "Point"), ([None, None], "Unknown")]
)
def test_a_layer_is_written_with_the_kind_of_its_known_shapes(tmp_path, shapes, kind):
    table = gpd.GeoDataFrame({"a": [1, 2]}, geometry=shapes, crs="EPSG:6933")
    vectors.write_vector(tmp_path / "a.gpkg", {"a": table}, {})
    assert pyogrio.read_info(tmp_path / "a.gpkg")["geometry_type"] == kind


def test_features_with_a_place_are_numbered_from_0_without_those_that_have_none(tmp_path):
    path = tmp_path / "a.gpkg"
    shapes = [None, shapely.Point(1, 1), shapely.Point(2, 2)]
    gpd.GeoDataFrame({"n": [1, 2, 3]}, geometry=shapes, crs=4326).to_file(path)
    found = vectors.read_vector(path)
    assert found["n"].tolist() == [2, 3] and found.index.tolist() == [0, 1]
    assert vectors.read_rows(path)["n"].tolist() == [1, 2, 3]


# ----------------------------------------------------------------- what a config makes of it


def test_a_column_gets_the_name_and_the_meaning_of_the_model():
    rows = table(typ=["A", "b", "A", None], name=["x", "y", "z", "w"])
    values = {"A": "town", "b": ""}
    made = features.with_fields(rows, {"kind": {"from": "typ", "values": values}, "label": "name"})
    assert made["kind"].tolist()[:3:2] == ["town", "town"] and made["kind"].isna().sum() == 2
    assert made["label"].tolist() == rows["name"].tolist() and "typ" in made
    with pytest.raises(
        LayerError, match=r"fields.kind: no column 'tip'; the columns are typ, name"
    ):
        features.with_fields(rows, {"kind": "tip"})


def test_a_column_that_differs_by_case_alone_can_be_named(tmp_path):
    rows = table(NAME=["x", "y"], Kind=["a", "b"])
    made = features.with_fields(rows, {"name": "NAME", "kind": {"from": "Kind", "values": {
        "a": "town", "b": "village"}}})  # fmt: skip
    assert made["name"].tolist() == ["x", "y"] and made["kind"].tolist() == ["town", "village"]
    assert not {"NAME", "Kind"} & {*made}
    path = tmp_path / "towns.gpkg"
    rows.set_crs("EPSG:4326", allow_override=True).to_file(path)
    found, changes = layer_files.read_layer(path, {"fields": {"name": "NAME"}})
    assert found["name"].tolist() == ["x", "y"] and not changes


def test_values_without_a_meaning_are_told_or_get_that_of_the_rest():
    rows = table(typ=[f"k{i}" for i in range(10)])
    field = {"from": "typ", "values": {"k0": "town"}}
    with pytest.raises(LayerError, match="typ holds k1, k2, k3, k4, k5, k6, k7, k8, which"):
        features.with_fields(rows, {"kind": field})
    made = features.with_fields(rows, {"kind": field | {"other": "rest"}})
    assert made["kind"].tolist() == ["town", *["rest"] * 9]


def test_points_of_one_row_know_how_many_they_are_and_other_shapes_stand_alone():
    line = LineString([(1, 1), (2, 2)])
    shapes = [
        shapely.MultiPoint([(1, 1), (2, 2), (3, 3)]), Point(5, 5),
        shapely.GeometryCollection([Point(7, 7), line, shapely.MultiPoint([(8, 8), (9, 9)])]),
    ]  # fmt: skip
    rows = gpd.GeoDataFrame({"n": [1, 2, 3]}, geometry=shapes, crs=GRID.crs)
    found = features.prepare_vector(rows, {}, GRID, 0)
    assert found["n"].tolist() == [1, 1, 1, 2, 3, 3, 3, 3]
    parts = list(zip(found.geom_type, found[features.PARTS], strict=True))
    assert parts[:4] == [*[("Point", 3)] * 3, ("Point", 1)]
    assert sorted(parts[4:]) == [("LineString", 1), *[("Point", 3)] * 3]


def test_only_what_reaches_the_region_and_its_margin_is_kept():
    xs = [-1500, -500, 20_000, 40_500, 41_500]
    rows = gpd.GeoDataFrame(
        {"n": range(5), "ok": [True] * 4 + [False]},
        geometry=[Point(x, 10_000) for x in xs], crs=GRID.crs,
    )  # fmt: skip
    assert features.prepare_vector(rows, {}, GRID, 1000)["n"].tolist() == [1, 2, 3]
    assert features.prepare_vector(rows, {}, GRID, 2000)["n"].tolist() == [0, 1, 2, 3, 4]
    kept = features.prepare_vector(rows, {"filter": "ok and n > 0"}, GRID, 2000)
    assert kept["n"].tolist() == [1, 2, 3]


def test_rows_without_a_place_come_behind_those_with_one_if_the_filter_keeps_them():
    rows = gpd.GeoDataFrame(
        {"n": range(4)}, geometry=[None, Point(1, 1), None, Point(90_000, 1)], crs=GRID.crs
    )
    found = features.prepare_records(rows, {}, GRID, 0)
    assert found["n"].tolist() == [1, 0, 2] and found.geometry.isna().tolist() == [
        False,
        True,
        True,
    ]
    assert features.prepare_records(rows, {"filter": "n < 2"}, GRID, 0)["n"].tolist() == [1, 0]
    assert features.prepare_records(rows, {"filter": "n == 1"}, GRID, 0)["n"].tolist() == [1]


def test_a_shape_over_much_of_the_world_is_cut_around_the_region_and_a_small_one_is_not():
    """A belt of 100 degrees lies on the region's parallels, which are straight on this grid."""
    belt = table([box(-50, 0.1, 50, 0.2)], n=[1])
    (found,) = features.prepare_vector(belt, {}, GRID, 0).geometry
    west, south, east, north = found.bounds
    assert west < 0 and east > 40_000 and east - west < 2e6
    assert (south, north) == pytest.approx((12_800, 25_600), rel=0.01)
    narrow = table([box(-20, 0.1, 20, 0.2)], n=[1])
    (found,) = features.prepare_vector(narrow, {}, GRID, 0).geometry
    assert found.bounds[2] == pytest.approx(20 / 180 * 17_367_530, rel=1e-4)
    metres = gpd.GeoDataFrame(geometry=[box(-90_000, 0, 90_000, 9)], crs=GRID.crs)
    (found,) = features.prepare_vector(metres, {}, GRID, 0).geometry
    assert found.bounds == (-90_000, 0, 90_000, 9)


def test_a_layer_says_where_it_was_surveyed_only_if_its_block_does():
    assert features.extent_tags({}, GRID, 0) == {}
    (text,) = features.extent_tags({"extent": [0, 0, 0.2, 1]}, GRID, 1000).values()
    shape = shapely.from_wkt(text)
    # West of the grid's corner nothing was surveyed; 0.2 degrees are 19.3 km here.
    assert shape.bounds == pytest.approx((0, 0, 19_297, 41_000), abs=5)


def test_layers_of_a_file_are_read_by_name_and_a_file_without_any_gives_none(tmp_path):
    one = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[Point(1, 1), Point(9, 9)], crs=GRID.crs)
    vectors.write_vector(tmp_path / "a.gpkg", {"x": one, "y": one[:0]}, {})
    found = vectors.read_layers(tmp_path / "a.gpkg")
    assert {name: len(rows) for name, rows in found.items()} == {"x": 2, "y": 0}
    vectors.write_vector(tmp_path / "b.gpkg", {}, {"MANUL_NOTICE": "n"})
    assert vectors.read_layers(tmp_path / "b.gpkg") == {}
    file = vectors.VectorFile(tmp_path / "a.gpkg")
    assert file.read()["n"].tolist() == [1, 2] and len(file.rows()) == 2
    assert file.read((5, 5, 10, 10))["n"].tolist() == [2]
    assert file.provenance == {}


def test_cells_lie_in_the_mask_by_their_centre_and_all_do_without_one(tmp_path):
    mask = gpd.GeoDataFrame(geometry=[box(0, 0, 1600, 40_000)], crs=GRID.crs)
    vectors.write_vector(tmp_path / "m.gpkg", {"m": mask}, {})
    found = vectors.inside([tmp_path / "m.gpkg"], GRID)
    assert found[:, :2].all() and not found[:, 2:].any()
    assert vectors.inside([], GRID).all()
