"""Print what a run will need, before it starts."""

from manul import plan
from manul.graph import Graph
from manul.grid import plain_files

graph, told = Graph(snakemake.params.configs), []
for scenario in graph.configs:
    table = plan.rows(graph, scenario, snakemake.threads)
    told += [f"\nscenario {scenario}", table.to_string(index=False)]
    told += [f"! {line}" for line in plan.advice(table)]
print("\n".join(told))
plain_files.write_text(snakemake.log[0], "\n".join(told) + "\n")
