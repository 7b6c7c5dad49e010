"""Analyses: what records of the field say of the region, and how its key areas hang together.

Each kind is a module with these names; one rule of the workflow runs them all.

    MAPS     file -> {band: unit}, rasters in `analyses/NAME/`
    TABLES   tables (CSV) in the same folder
    FIELDS   maps that rules and sheets may name: "" or word -> (file, band, title, unit); the map
             is called NAME or NAME_word
    reads(block, config)    role -> [("layer" | "surface" | "map", name)], what it is made from
    run(this)               makes all files; `this` is the `job.Job`
    section(tables)         what the evidence page of its records says of it; its `head` is one
                            sentence with what was counted, with what effort, and the interval;
                            of no use where no key of its schema is in `x-needs`
    GENERALISES  roles of `reads` whose places its results do not give away; without it, what is
                 made of records that are not public lies in `restricted/`, and on no public page

and, where it has them,

    SHAPES       GeoPackages of what is no place of an animal
    OUTLINES     a GeoPackage of places, which is made only where nothing is hidden
    WEIGHTS      the table that says what the draws take for weights of threats
    tells(block, config)    what else of the config it needs to know

What fits stands in a module of its own (NAME_fit), loaded when `run` is called, and what draws when
`section` is: every job that plans or tells loads this package.

To add a kind: write the module, name it in KINDS, and give it a closed schema under
`$defs.analyses` of the config's schema.
"""

from manul.analyses import (
    connectivity,
    disease,
    fluctuations,
    habitat_selection,
    home_range,
    occupancy,
    suitability,
    survival,
)

KINDS = {
    "suitability": suitability,
    "home_range": home_range,
    "habitat_selection": habitat_selection,
    "occupancy": occupancy,
    "survival": survival,
    "disease": disease,
    "fluctuations": fluctuations,
    "connectivity": connectivity,
}
