"""The checks that are no tests of behaviour: format, lint, types, layers."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


def run_tool(*command: str) -> None:
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_code_is_formatted() -> None:
    run_tool(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_the_code_has_no_lint() -> None:
    run_tool(sys.executable, "-m", "ruff", "check", ".")


@pytest.mark.timeout(900)
def test_the_types_are_strict_and_right() -> None:
    run_tool(sys.executable, "-m", "mypy")


def test_the_layers_import_only_what_is_below_them() -> None:
    run_tool(tool("lint-imports"))


def test_the_product_starts_without_the_development_packages() -> None:
    """Neither torch nor the packages of the build are imported by what the kiosk imports."""
    code = (
        "import sys, main, gui.application, gui.terminal, inference.pipeline, storage.store;"
        "bad = {'torch', 'onnx', 'tflite', 'pytest'} & set(sys.modules);"
        "sys.exit(f'imported: {bad}' if bad else 0)"
    )
    run_tool(sys.executable, "-c", code)
