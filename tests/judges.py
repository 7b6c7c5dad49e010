"""Validators of standards, without the network that they would ask for contexts."""

import json
from importlib.resources import files
from types import SimpleNamespace
from unittest import mock

from rocrate_validator import services
from rocrate_validator.utils import document_loader, http

PROFILE = "workflow-run-crate-0.5"
# The context that the library `rocrate` brings is that of RO-Crate 1.3; these two terms moved.
MOVED = {
    name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")
}


def crate_faults(folder) -> list[str]:
    """What the validator of RO-Crates holds against the one in a folder; only what it requires."""
    context = json.loads((files("rocrate") / "data" / "ro-crate.jsonld").read_text("utf-8"))
    context["@context"] |= MOVED
    answer = SimpleNamespace(
        status_code=200, text=json.dumps(context), json=lambda: context,
        headers={"Content-Type": "application/ld+json"}, raise_for_status=lambda: None,
    )  # fmt: skip
    settings = services.ValidationSettings(
        rocrate_uri=str(folder), profile_identifier=PROFILE, requirement_severity="REQUIRED"
    )
    with (
        mock.patch.object(document_loader, "_fetch_json_ld", lambda url: context),
        mock.patch.object(http.HttpRequester, "get", lambda self, *a, **k: answer, create=True),
    ):
        found = services.validate(settings)
    return [f"{issue.check.identifier}: {issue.message}" for issue in found.get_issues()]
