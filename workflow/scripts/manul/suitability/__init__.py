"""Suitability fitted to records: plain tables in, a model that predicts 0..1 out.

Layering: design <- training <- solvers, measures <- maxent, regression, trees <- ensemble
<- models <- validate, explain; `sampling` stands beside them, on `design`. A module imports only
from the left.
"""

from .design import TooFewError
from .explain import importance, mess, odmap, response_curves
from .measures import Boyce, auc, boyce, omission, thresholds, tss
from .models import METHODS, MIN_PRESENCES, Model, fit, require_enough
from .sampling import effort_background, record_effort, spatial_blocks, thin
from .validate import (
    Validation,
    cross_validate,
    cross_validate_members,
    members,
    skill_weights,
)

__all__ = [
    "METHODS",
    "MIN_PRESENCES",
    "Boyce",
    "Model",
    "TooFewError",
    "Validation",
    "auc",
    "boyce",
    "cross_validate",
    "cross_validate_members",
    "effort_background",
    "fit",
    "importance",
    "members",
    "mess",
    "odmap",
    "omission",
    "record_effort",
    "require_enough",
    "response_curves",
    "skill_weights",
    "spatial_blocks",
    "thin",
    "thresholds",
    "tss",
]
