"""A function that does nothing, for RQ alone, whose workers import it before they fork."""


def nothing() -> None:
    """What RQ alone is given to do."""
