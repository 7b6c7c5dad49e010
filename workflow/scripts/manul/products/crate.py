"""The record of a run as an RO-Crate, of the profile Workflow Run Crate.

https://www.researchobject.org/workflow-run-crate/profiles/workflow_run_crate: which workflow ran
with which config on which layers, and what came out, each with its digest (SHA-256). It holds no
time of the run, so that the same run gives the same record.
"""

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

from manul import __version__
from manul.grid import plain_files

METADATA = "ro-crate-metadata.json"
HOME = "https://w3id.org"
PROFILES = {
    f"{HOME}/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    f"{HOME}/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    f"{HOME}/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
FORMATS = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized", ".png": "image/png",
    ".csv": "text/csv", ".gpkg": "application/geopackage+sqlite3", ".pdf": "application/pdf",
    ".html": "text/html", ".txt": "text/plain", ".yaml": "application/yaml",
    ".json": "application/json", ".gif": "image/gif", ".mp4": "video/mp4",
    ".kmz": "application/vnd.google-earth.kmz", ".gpx": "application/gpx+xml",
    ".zip": "application/zip", ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def record(folder: Path, workflow: str, config: str, made: Iterable[Path], told: Mapping) -> dict:
    """The metadata of a crate whose root is `folder`; `workflow` and `config` are files in it.

    `made`: the files of the run, in the folder. `told`: as `graph.crate` tells it, each layer with
    `content`, the digests of its files. Of a layer that is not public no file is named.
    """
    crate = ROCrate(gen_preview=False, version="1.1")
    crate.name = f"Manul: {told['title']}"
    crate.description = (
        f"Threats, key habitat and recommendations for {told['species']['title']} in "
        f"{told['title']}, as of {told['as_of']}: {', '.join(told['scenarios'].values())}."
    )
    crate.datePublished = _day(told["as_of"])
    crate.license = _entity(crate, "#licences", "CreativeWork", {
        "name": "Licences of the layers",
        "description": "Each map and table carries the licences of the layers behind it.",
    })  # fmt: skip
    for name, (title, version) in PROFILES.items():
        crate.root_dataset.append_to("conformsTo", _entity(
            crate, name, "CreativeWork", {"name": title, "version": version}
        ))  # fmt: skip
    main = crate.add_workflow(folder / workflow, workflow, main=True, lang="snakemake")
    main["name"], main["version"] = "Manul", __version__
    for key, value in (_of_file(folder / workflow) | {"encodingFormat": "text/plain"}).items():
        main[key] = value
    settings = crate.add_file(folder / config, config, properties={
        "name": "Effective config of every scenario", **_of_file(folder / config),
    })  # fmt: skip
    layers = [_layer(crate, name, block) for name, block in told["layers"].items()]
    results = [
        crate.add_file(path, path.relative_to(folder).as_posix(), properties={
            "name": path.relative_to(folder).as_posix(), **_of_file(path),
        })
        for path in _every(made)
    ]  # fmt: skip
    action = crate.add_action(main, identifier="#run", object=[settings, *layers], result=results)
    action["name"] = f"Run of Manul for {told['title']}"
    action["description"] = "The whole run: from layers to maps, tables and recommendations."
    action["actionStatus"] = "http://schema.org/CompletedActionStatus"
    crate.root_dataset["mentions"] = action
    software = crate.add(
        SoftwareApplication(crate, "https://snakemake.github.io", {
            "name": "Snakemake", "url": "https://snakemake.github.io",
        })
    )  # fmt: skip
    main["softwareRequirements"] = software
    return crate.metadata.generate()


# ------------------------------------------------------------------------------------- helpers


def _every(made) -> list[Path]:
    """Files, and all files of folders, in one order."""
    found = [p for path in made for p in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [path for path in dict.fromkeys(found) if path.is_file()]


def _layer(crate, name, block) -> ContextEntity:
    shown = {} if block["public"] is False else {"alternateName": _single(block["files"])}
    return _entity(crate, f"#layer-{name}", "CreativeWork", {
        "name": block["title"], "temporalCoverage": str(block["date"]),
        "creditText": block["source"], "license": str(block["licence"]),
        "creativeWorkStatus": block["data_status"], "identifier": _single(block["content"]),
        **shown,
    })  # fmt: skip


def _single(values):
    """The only value of a list, or the list."""
    return values[0] if len(values) == 1 else values


def _entity(crate, identity, kind, properties) -> ContextEntity:
    return crate.add(ContextEntity(crate, identity, properties={"@type": kind, **properties}))


def _of_file(path: Path) -> dict:
    content = plain_files.file_bytes(path)
    told = {"contentSize": str(len(content)), "sha256": hashlib.sha256(content).hexdigest()}
    kind = FORMATS.get(path.suffix)
    return told | ({"encodingFormat": kind} if kind else {})


def _day(day) -> datetime.datetime:
    return datetime.datetime.fromisoformat(str(day)).replace(tzinfo=datetime.UTC)
