"""How the manifest comes together from its parts."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from inference.manifest import read_manifest
from models.build import WEIGHTS_DIR
from models.errors import BuildError
from models.manifest_file import (
    DEFAULT_FILE,
    EXPORTS_FILE,
    FIGURES_FILE,
    MANIFEST,
    THRESHOLDS_FILE,
    add_rows,
    exported_entries,
    read_rows,
    write_manifest,
    written_entries,
)


def entry(folder: Path, file: str, *, network: str = "native") -> dict[str, Any]:
    (folder / file).write_bytes(file.encode())
    return {
        "file": file,
        "model_id": f"{network}-v1",
        "role": "embed",
        "precision": "int8",
        "sha256": hashlib.sha256(file.encode()).hexdigest(),
        "bytes": len(file),
        "network": network,
    }


def evidence(row: dict[str, Any], *, impostor_pairs: int) -> dict[str, Any]:
    at = [{"far": "1e-3", "threshold": 0.3}, {"far": "1e-4", "threshold": 0.4}]
    return {
        "sha256": row["sha256"],
        "file": row["file"],
        "impostor_pairs": impostor_pairs,
        "at": at,
    }


def figures(row: dict[str, Any], folder: Path) -> None:
    table = {
        "sha256": row["sha256"],
        "file": row["file"],
        "lfw_accuracy": 0.99,
        "impostor_pairs": 1000,
        "thresholds": {"1e-3": 0.5, "1e-4": 0.6},
    }
    (folder / FIGURES_FILE).write_text(tomli_w.dumps({"figures": [table]}), encoding="utf-8")


def test_built_and_exported_files_stand_in_one_manifest(tmp_path: Path) -> None:
    add_rows(tmp_path / EXPORTS_FILE, "export", [entry(tmp_path, "native-int8.onnx")])
    write_manifest(tmp_path, [entry(tmp_path, "import-int8.onnx", network="import")])
    manifest = read_manifest(tmp_path)
    assert [one.file for one in manifest.entries] == ["import-int8.onnx", "native-int8.onnx"]
    assert manifest.networks == ("import", "native")
    assert [row["file"] for row in written_entries(tmp_path)] == ["import-int8.onnx"]


@pytest.mark.parametrize(("pairs", "expected"), [(999, 0.5), (1000, 0.3), (5000, 0.3)])
def test_thresholds_that_rest_on_more_pairs_go_first(
    tmp_path: Path, pairs: int, expected: float
) -> None:
    row = entry(tmp_path, "native-int8.onnx")
    add_rows(tmp_path / EXPORTS_FILE, "export", [row])
    add_rows(tmp_path / THRESHOLDS_FILE, "thresholds", [evidence(row, impostor_pairs=pairs)])
    figures(row, tmp_path)
    (found,) = exported_entries(tmp_path)
    assert found["thresholds"]["1e-3"] == expected
    assert ("threshold_evidence" in found) == (expected == 0.3)
    assert found["figures"]["lfw_accuracy"] == 0.99


def test_what_was_measured_with_other_bytes_is_left_out(tmp_path: Path) -> None:
    row = entry(tmp_path, "native-int8.onnx")
    add_rows(tmp_path / EXPORTS_FILE, "export", [row])
    other = row | {"sha256": "0" * 64}
    add_rows(tmp_path / THRESHOLDS_FILE, "thresholds", [evidence(other, impostor_pairs=1)])
    (found,) = exported_entries(tmp_path)
    assert "thresholds" not in found


def test_a_second_row_of_a_file_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / EXPORTS_FILE
    for size in (1, 2):
        add_rows(path, "export", [{"file": "b", "bytes": size}, {"file": "a", "bytes": size}])
    rows = read_rows(path, "export", key="file")
    assert list(rows) == ["a", "b"]
    assert all(row["bytes"] == 2 for row in rows.values())


def test_an_exported_file_that_was_altered_or_is_gone_is_named(tmp_path: Path) -> None:
    add_rows(tmp_path / EXPORTS_FILE, "export", [entry(tmp_path, "native-int8.onnx")])
    (tmp_path / "native-int8.onnx").write_bytes(b"another")
    with pytest.raises(BuildError, match=r"native-int8\.onnx is not the file that was exported"):
        write_manifest(tmp_path, [])
    (tmp_path / "native-int8.onnx").unlink()
    with pytest.raises(BuildError, match=r"lists native-int8\.onnx, which cannot be read"):
        write_manifest(tmp_path, [])
    assert not (tmp_path / MANIFEST).exists()


def test_the_default_network_must_be_there_and_have_a_reason(tmp_path: Path) -> None:
    built = [entry(tmp_path, "import-int8.onnx", network="import")]
    default = tmp_path / DEFAULT_FILE
    default.write_text('network = "import"\nreason = "because"\n', encoding="utf-8")
    write_manifest(tmp_path, built)
    manifest = read_manifest(tmp_path)
    assert (manifest.default_network, manifest.default_reason) == ("import", "because")
    default.write_text('network = "native"\nreason = "because"\n', encoding="utf-8")
    with pytest.raises(BuildError, match="names the network «native», but there is import"):
        write_manifest(tmp_path, built)
    default.write_text('network = "import"\n', encoding="utf-8")
    with pytest.raises(BuildError, match="reason"):
        write_manifest(tmp_path, built)


def test_a_part_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / EXPORTS_FILE).write_text("[[", encoding="utf-8")
    with pytest.raises(BuildError, match=r"exports\.toml cannot be read"):
        write_manifest(tmp_path, [])


def test_the_shipped_manifest_is_what_its_parts_give(tmp_path: Path) -> None:
    for path in WEIGHTS_DIR.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / MANIFEST).unlink()
    (tmp_path / MANIFEST).write_bytes((WEIGHTS_DIR / MANIFEST).read_bytes())
    write_manifest(tmp_path, written_entries(tmp_path))
    assert (tmp_path / MANIFEST).read_bytes() == (WEIGHTS_DIR / MANIFEST).read_bytes()
