"""thinkmeter."""
