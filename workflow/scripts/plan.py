"""Print what a run will need, before it starts."""

from manul import plan
from manul.grid import plain_files

told = []
for name, config in snakemake.params.configs.items():
    table = plan.rows(config, snakemake.threads)
    told += [f"\nscenario {name}", table.to_string(index=False)]
    told += [f"! {line}" for line in plan.advice(table)]
print("\n".join(told))
plain_files.write_text(snakemake.log[0], "\n".join(told) + "\n")
