"""`thinkmeter demo`: the main job on logs that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thinkmeter.cli import _options as o
from thinkmeter.cli._common import handled, note, read_inputs
from thinkmeter.cli.report import show, write_outputs


@handled
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the report.")
    ] = Path("thinkmeter-demo.html"),
    open_it: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Report on real logs that ship with thinkmeter: two small models, three prompt styles, offline.

    The logs were made by running Inspect AI and lm-evaluation-harness against the models on a laptop processor.
    """
    from thinkmeter.demo import demo_logs
    from thinkmeter.findings import analyse

    table = read_inputs([str(demo_logs())], quiet=True)
    # Against the best, answering at once, everything is only "too many tokens"; the pool's mean tells the styles apart.
    analysis = analyse(table, reference="geometric_mean")
    show(analysis, json=json, csv=False, parquet=None, quiet=quiet)
    write_outputs(analysis, output=output, figures=None, title="thinkmeter demo", quiet=True)
    if not quiet:
        note(f"report: {output.resolve()}")
    if open_it:
        typer.launch(output.resolve().as_uri())
