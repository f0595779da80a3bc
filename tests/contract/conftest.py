"""What every contract test has around it."""

from authorities import few_authorities

__all__ = ["few_authorities"]  # a fixture: pytest finds it here
