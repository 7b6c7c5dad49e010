"""Draw the sheets of the units of a layer: for each a PDF of all its pages, and their pictures."""

from functools import partial
from itertools import count
from pathlib import Path

from manul import job
from manul.analyses import suitability_words as words
from manul.config.types import KEY_AREAS
from manul.grid import vectors
from manul.grid.region import grid_of
from manul.maps import atlas, layouts, printed, sheets
from manul.products import actions as places

with job.start(snakemake) as this:
    told, layers, tables = this.told, this.named("layers"), this.named("tables")
    key = words.key_rules(told.config["key_habitat"], this.thresholds())
    s = sheets.Scenario(
        maps=job.sources_of(told.maps),
        tables=tables,
        grid=grid_of(told.region),
        config=told.config | {"key_habitat": key},
        context=layouts.base_map_of(layers, told.context, told.region["mask"]),
        digest=this.digest,
    )
    areas = tables["key_habitat"], "key_area"
    polygons = areas if told.of == KEY_AREAS else (layers[told.of],)
    table = vectors.read_vector(*polygons)
    if nameless := int(table["name"].isna().sum()):
        this.log.warning("%d of %d polygons have no name and no sheet", nameless, len(table))
    names, folder = atlas.file_names(table), Path(this.output("folder"))
    folder.mkdir(parents=True, exist_ok=True)
    units = atlas.units(
        table,
        places.read(tables["actions"]),
        partial(atlas.key_habitat, tables["key_habitat"]),
        s.grid,
        told.of == told.region["units"],
    )
    for unit in this.told_of(units, len(names), "units"):
        name = names[unit.name]
        pages, scale = atlas.sheets(s, unit, told.page, told.scale)
        pictures = (folder / f"{name}_{i}.png" for i in count(1))
        title, crs = f"{unit.name}: what to do first", s.grid.crs.to_wkt()
        number = printed.save(pages, folder / f"{name}.pdf", pictures, told.dpi, title, crs)
        this.log.info("%s: %d pages at 1 : %d", unit.name, number, scale)
