"""What the environment does to the program, as sentences a person can act on.

An expected outcome (no face, unknown person, cooldown) is a value, not an exception; anything that
is neither is a bug and keeps its traceback.
"""


class KnownError(Exception):
    """A failure outside the program: what is wrong and what to do about it.

    code: short, stable, lower case with hyphens; scripts may test for it.
    exit_code: what the command line ends with.
    """

    code = "known-error"
    exit_code = 1

    def __init__(self, message: str, *, action: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.action = action

    def __str__(self) -> str:
        return f"{self.message} {self.action}".strip()


class CameraError(KnownError):
    """A source cannot be opened, stopped giving frames, or gives the same frame for ever."""

    code = "camera"
    exit_code = 3


class PictureError(KnownError):
    """A picture cannot be used: unreadable, too large, no face, several faces, poor quality."""

    code = "picture"
    exit_code = 4


class ModelError(KnownError):
    """A model file is missing, altered, or does not keep the metadata contract."""

    code = "model"
    exit_code = 5


class StorageError(KnownError):
    """The database cannot be opened, read or written."""

    code = "storage"
    exit_code = 6


class ConfigError(KnownError):
    """A settings file, environment variable or option names an unknown key or a bad value."""

    code = "config"
    exit_code = 7


class InputError(KnownError):
    """What a person typed or handed in (a staff id, a date, a CSV row) cannot be taken."""

    code = "input"
    exit_code = 2
