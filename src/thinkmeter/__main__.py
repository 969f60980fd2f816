"""`python -m thinkmeter`."""

from thinkmeter.cli.main import app

app(prog_name="thinkmeter")
