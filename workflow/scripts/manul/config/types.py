"""The shape of an effective config, for readers and the type checker.

A key that is `NotRequired` has no default: it is there where someone wrote it. A surface holds the
keys of its own kind. What each key means stands in workflow/schemas/config.schema.yaml; a unit test
holds these shapes against it.
"""

from typing import Any, NotRequired, Required, TypedDict

Response = dict[str, dict[str, Any]]  # one curve by name, with its parameters


KEY_AREAS = "key_areas"  # in `atlas.of`: the sites that a run finds


class Species(TypedDict):
    """Whom the model is about."""

    title: str
    plural: str
    status: str


class Region(TypedDict):
    """The place and its grid; `bounds` are west, south, east, north in degrees, `cell_m` metres."""

    name: str
    title: str
    crs: str
    cell_m: float
    bounds: list[float]
    mask: str | None
    units: str | None


class Layer(TypedDict, total=False):
    """One data file, or a role that no file fills (`kind: absent`)."""

    kind: Required[str]
    title: Required[str]
    needs: str
    fetch: str
    path: str
    layer: str | list[str]
    encoding: str
    table: str
    band: int
    units: str
    valid: list[float]
    scale: float
    offset: float
    nodata: float | list[float]
    extent: str | list[float]
    classes: dict[str, str]
    fields: dict[str, Any]
    filter: str
    since: str
    until: str
    crs: str
    date: str | int
    source: str
    licence: str
    data_status: str
    positional_error_m: float
    caveat: str
    public: bool
    zone: str
    time_zone: str
    on_rejected: str


class Surface(TypedDict, total=False):
    """What makes one number per cell from layers; each kind has some of these keys."""

    kind: Required[str]
    title: str
    units: str
    layer: str
    where: str
    of: "Surface"
    minimum: float
    scores: dict[str, float]
    area_ha_field: str
    reach_m: float
    radius_m: float
    at_least: float
    scale_m: float
    # exposure
    kernel: str
    decay: str
    table: list[list[float]]
    intensity: "Node"
    unknown_intensity: float
    # lapse_rate
    elevation_layer: str
    reference_layer: str
    lapse_per_m: float
    # travel_time
    roads_layer: str
    water_layer: str
    class_field: str
    speeds_km_h: dict[str, float]
    off_road_km_h: float
    reach_h: float
    # burrow_density
    quadrats_layer: str
    observations_layer: str
    strata: dict[str, Any]
    within: dict[str, Any]
    elevation: dict[str, Any]
    method: str
    bandwidth_m: float
    covariates: list["Surface"]
    seed: int
    trend_years: list[int]
    # poison
    path: str
    dates: list[str]
    districts_layer: str
    districts_field: str
    place_field: str
    # effort
    routes_layer: str
    field: str
    per_record: float
    per_km: float
    date_field: str
    max_age_years: float


class Node(TypedDict, total=False):
    """A leaf or a combination of nodes; see `manul.config.nodes`."""

    title: str
    weight: float
    surface: str
    component: str
    loss_from: list[str]
    field: str
    constant: float
    combine: str
    terms: "dict[str, Node] | list[Node]"
    response: Response
    group: str
    iucn: str
    cmp: str
    footprint: "Node"
    factor: float


Threat = Node  # one that says its title, weight, group, iucn and cmp


class Habitat(TypedDict):
    """The gates times the weighted geometric mean of the components."""

    floor: float
    known_weight: float
    loss: str
    reference: dict[str, float]
    components: dict[str, Node]
    gates: dict[str, Node]


class Group(TypedDict):
    """A group of threats on maps and in tables."""

    title: str
    colour: str


class KeyHabitat(TypedDict):
    """Thresholds of suitable and key habitat (0 to 1) and of its patches and areas."""

    thresholds: str
    sizes: str
    suitable: float
    key: float
    core_km2: float
    breeding_km2: float
    area_km2: float
    join_km: float
    density_km: float
    protected: str | None
    density_per_100_km2: dict[str, dict[str, float]]


class Zones(TypedDict, total=False):
    """What a rule looks at: tiles, features, a mask, segments, points, key areas or patches."""

    kind: Required[str]
    area_km2: float
    layer: str
    where: str
    smallest_km2: float
    length_m: float
    side_m: float
    radius_m: float
    id_field: str
    otherwise: "Zones"


class Nearest(TypedDict):
    """The nearest record of a layer to a zone."""

    layer: str
    within_m: float
    where: NotRequired[str]
    date_field: NotRequired[str]
    newer_than_days: NotRequired[float]
    name_field: NotRequired[str]


class Rule(TypedDict):
    """A recommendation: zones, what is measured in them, and when one is a candidate."""

    title: str
    needs: list[str]
    optional: list[str]
    zones: Zones
    measures: dict[str, dict[str, str]]
    nearest: dict[str, Nearest]
    when: str
    reason: str
    action: str
    iucn: str
    cmp: str
    agency: str
    public: bool
    gain: dict[str, list[str]]
    place_km2: float
    rank: NotRequired[str]
    unchecked: NotRequired[str]


Analysis = dict[str, Any]  # the keys of its kind; see the file of the kind in manul/analyses


class Privacy(TypedDict):
    """How places that are not public are shown, and how many of them an area holds at least."""

    show: str
    cell_m: float
    least: int


class Elicitation(TypedDict):
    """Experts' answers on numbers of the config, and how they are pooled."""

    path: str | list[str] | None
    layer: str | None
    ask: list[str]
    pool: str
    certainty: float
    names: bool
    on_rejected: str


class Scenario(TypedDict):
    """A state of the world: `changes` are keys of the config with other values."""

    title: str
    changes: dict[str, Any]
    products: NotRequired[list[str]]


class Config(TypedDict):
    """The effective config of one scenario, as `manul.config.load.load` gives it."""

    species: Species
    region: Region
    jobs_for_a_map: int
    as_of: str
    known_on: str | None
    retrieval: dict[str, Any]
    series: dict[str, Any]
    layers: dict[str, Layer]
    surfaces: dict[str, Surface]
    habitat: Habitat
    cumulative: str
    dominant_floor: float
    groups: dict[str, Group]
    threats: dict[str, Threat]
    compounds: dict[str, dict[str, float]]
    poison: dict[str, Any]
    burrows: dict[str, Any]
    analyses: dict[str, Analysis]
    key_habitat: KeyHabitat
    rules: dict[str, Rule]
    priority: list[str]
    actions: dict[str, Any]
    maps: dict[str, Any]
    atlas: dict[str, Any]
    tables: dict[str, dict[str, Any]]
    invest: dict[str, dict[str, Any]]
    limitations: dict[str, str]
    privacy: Privacy
    elicitation: Elicitation | None
    draws: dict[str, Any]
    scenarios: dict[str, Scenario]
    counterfactuals: dict[str, dict[str, Any]]
    allow: dict[str, bool]
    products: list[str]
    extensions: list[Any]
    # added by loading
    scenario: str
    scenario_title: str
    ranges: dict[str, Any]
    taken_away: dict[str, str]
    # added for a view
    exact: bool
    withheld: dict[str, str]
