"""`thinkmeter models`: which models, settings and budgets the inputs hold."""

from __future__ import annotations

import typer

from thinkmeter.cli import _options as o
from thinkmeter.cli._common import console, handled, print_csv, print_json, read_inputs, write_parquet
from thinkmeter.cli.read import coverage, coverage_table

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Which models the inputs hold, and what is known of them.",
)


@app.command("list")
@handled
def list_models(
    inputs: o.Inputs,
    maps: o.Map = [],  # noqa: B006  (typer copies it)
    sets: o.Set = [],  # noqa: B006
    where: o.Where = "",
    json: o.Json = False,
    csv: o.Csv = False,
    parquet: o.Parquet = None,
    quiet: o.Quiet = False,
) -> None:
    """List benchmark, model and setting with attempts, items, and how many have scores, stops and tokens."""
    table = read_inputs(inputs, maps=maps, sets=sets, where=where, quiet=quiet)
    frame = coverage(table)
    if parquet:
        write_parquet(frame, parquet)
    if json:
        print_json(frame.to_dicts())
    elif csv:
        import polars as pl

        limits = pl.col("token_limits").list.eval(pl.element().cast(pl.String)).list.join(" ")
        print_csv(frame.with_columns(limits))
    else:
        console().print(coverage_table(table))
