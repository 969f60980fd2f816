"""The version, alone in a file: any layer may ask for it without importing the package's public names."""

__version__ = "0.1.0"
