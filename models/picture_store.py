"""LFW-style pictures (`Name/Name_0001.jpg`) in a folder or a tar file, read but never unpacked."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from attendance.errors import InputError
from attendance.types import BgrImage
from inference.photo import decode_photo
from models.lfw import Picture

_NAME = re.compile(r"(?P<person>.+)_(?P<number>\d{4,})\.(jpe?g|png|webp)", re.IGNORECASE)


class PictureStore:
    """The pictures of a folder or tar file, by person and number, in sorted order."""

    def __init__(self, path: Path) -> None:
        """Raise InputError if there is nothing there, or a tar member points outside."""
        self._path = path
        self._members: dict[Picture, str] = {}
        if path.is_dir():
            names = [file.relative_to(path).as_posix() for file in path.rglob("*")]
        elif path.is_file():
            names = self._tar_names()
        else:
            raise InputError(f"There is no folder or tar file {path}.", action="Check --images.")
        for name in sorted(names):
            match = _NAME.fullmatch(PurePosixPath(name).name)
            if match is not None:
                self._members[match["person"], int(match["number"])] = name
        if not self._members:
            raise InputError(
                f"{path} holds no picture named like Name_0001.jpg.", action="Check --images."
            )

    def pictures(self) -> tuple[Picture, ...]:
        """Every picture there is, sorted."""
        return tuple(sorted(self._members))

    def read_all(self) -> Iterator[tuple[Picture, BgrImage]]:
        """Every picture as BGR uint8 (H, W, 3). Raises PictureError for one that is unreadable."""
        if self._path.is_dir():
            for picture in self.pictures():
                name = self._members[picture]
                yield picture, decode_photo((self._path / name).read_bytes(), name=name)
            return
        with tarfile.open(self._path) as tarball:
            for picture in self.pictures():
                name = self._members[picture]
                stream = tarball.extractfile(name)
                yield picture, decode_photo(b"" if stream is None else stream.read(), name=name)

    def _tar_names(self) -> list[str]:
        try:
            with tarfile.open(self._path) as tarball:
                names = [member.name for member in tarball if member.isfile()]
                # tarfile takes a header that is cut off or altered for the end of the archive.
                if not _ends_here(tarball):
                    raise tarfile.ReadError("it ends in the middle")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError(
                f"{self._path} is not a readable tar file: {error}.", action="Check --images."
            ) from error
        for name in names:
            parts = PurePosixPath(name)
            if parts.is_absolute() or ".." in parts.parts:
                raise InputError(
                    f"{self._path}: the member {name} points outside the archive.",
                    action="Do not use this file.",
                )
        return names


def _ends_here(tarball: tarfile.TarFile) -> bool:
    """Whether the archive's end mark, a block of zeros, follows the last member that was read."""
    tarball.fileobj.seek(tarball.offset)
    return bytes(tarball.fileobj.read(tarfile.BLOCKSIZE)) == bytes(tarfile.BLOCKSIZE)
