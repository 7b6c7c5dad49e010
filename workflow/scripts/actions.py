"""Make places of the recommendations, rank them, and find what a budget buys."""

from manul import job
from manul.grid import plain_files, provenance, vectors
from manul.pages import html, workbook
from manul.products import actions, actions_page, decision_tables
from manul.products.gains import Gains

with job.start(snakemake) as this:
    told, files = this.told, this.named("layers")
    layers = {name: vectors.read_vector(path) for name, path in files.items()}
    recommended = vectors.read_layers(this.inputs("recommendations")[0])
    gains = Gains.read(this.inputs("gains")[0])
    agencies, costs = (
        decision_tables.read(this.inputs(kind)[0], kind) if this.inputs(kind) else None
        for kind in ("agencies", "costs")
    )
    areas = [layers[name] for name in told.within if "name" in layers[name]]
    who = actions.Who(layers.get(told.units), layers.get(told.towns), agencies, areas)
    found, of_places = actions.actions(recommended, told.rules, gains, who)
    plan, goals = None, []
    if costs is not None and len(found):
        low, high = decision_tables.cost(found, decision_tables.costs(costs))
        if told.budget:
            plan = actions.plan(found, of_places, low, high, told.budget, told.seed)
        goals = actions.targets(found, of_places, low, high, told.targets)
        found = actions.with_money(found, low, high, plan)
    record = this.provenance()
    notice = " ".join(filter(None, [provenance.notice(record), decision_tables.notice(costs)]))
    answered = [
        actions_page.answers(
            plain_files.read_table(path), found, recommended, told.rules, told.threats
        )
        for path in this.inputs("without")
    ]
    made = actions_page.sections(
        found, told.first, plan, told.currency, goals, next(iter(answered), None)
    )
    page = html.page("What to do first", told.title, notice, made, this.foot)
    plain_files.write_text(this.output("page"), page)
    layers, named = actions.layers(found), plain_files.read_yaml(workbook.COLUMNS)
    styles = actions.styles(layers, named)
    vectors.write_vector(this.output("polygons"), layers, this.tags(), styles)
    shown = found.drop(columns=["roles", "geometry"], errors="ignore")
    plain_files.write_table(this.output("table"), shown)
    sheets = actions.listed(found, told.first) | {"All actions": shown}
    sheets |= (actions.of_plan(plan) if plan else {}) | actions.of_targets(goals)
    workbook.write(
        this.output("workbook"), f"What to do first: {told.title}", notice, sheets, this.foot
    )
