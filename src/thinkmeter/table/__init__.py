"""The table: one list of columns, and the immutable table over it."""

from thinkmeter.table.columns import (
    COLUMNS,
    COMPLETION_RULES,
    FACET_PREFIX,
    STOP_REASONS,
    Column,
    polars_schema,
)
from thinkmeter.table.completion import DEFAULT_COMPLETION_RULES, infer_completion
from thinkmeter.table.sample_table import SampleTable, Source
from thinkmeter.table.store import SCHEMA_VERSION, is_stored_table, load, save, write_aside

__all__ = [
    "COLUMNS",
    "COMPLETION_RULES",
    "DEFAULT_COMPLETION_RULES",
    "FACET_PREFIX",
    "SCHEMA_VERSION",
    "STOP_REASONS",
    "Column",
    "SampleTable",
    "Source",
    "infer_completion",
    "is_stored_table",
    "load",
    "polars_schema",
    "save",
    "write_aside",
]
