"""What building or measuring the networks can fail with."""

from attendance.errors import KnownError


class BuildError(KnownError):
    """A package, a data file or a network the build needs is missing, altered or unusable."""

    code = "build"
    exit_code = 8
