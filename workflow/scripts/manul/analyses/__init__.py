"""Analyses: what records of the field say of the region.

Each kind is a module with these names; one rule of the workflow runs them all.

    MAPS     file -> {band: unit}, rasters in `analyses/NAME/`
    TABLES   tables (CSV) in the same folder
    FIELDS   maps that rules and sheets may name: "" or word -> (file, band, title, unit); the map
             is called NAME or NAME_word
    reads(block, config)    role -> [("layer" | "surface" | "map", name)], what it is made from
    run(this)               makes all files; `this` is the `job.Job`
    section(tables)         what the evidence page of its records says of it
    GENERALISES  roles of `reads` whose places its results do not give away; without it, what is
                 made of records that are not public lies in `restricted/`, and on no public page

To add a kind: write the module, name it in KINDS, and give it a closed schema under
`$defs.analyses` of the config's schema.
"""

from manul.analyses import suitability

KINDS = {"suitability": suitability}
