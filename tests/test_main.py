"""The command line as its users call it: exit codes, sentences, files."""

import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import main
from attendance.errors import ConfigError
from gui.display import DisplayError
from inference import manifest
from inference.portraits import portraits
from tests.conftest import PORTRAITS_DIR, REPOSITORY
from tests.inference.perception_kit import altered_copy, write_manifest

ENROLLED = {p.person_id: p for p in portraits() if p.role == "enrol"}
OBAMA_VISITS = [p.path for p in portraits() if p.person_id == "obama" and p.role == "visit"]
EXPORT_COLUMNS = (
    "staff_id,name,department,date,time,utc_offset,direction,method,similarity,device,punch_id"
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> "Run":
    return Run(data_dir, capsys)


class Run:
    """Calls the program with a data directory; keeps what it said last."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir = data_dir
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, command: str, *arguments: str | Path) -> int:
        self._capsys.readouterr()
        words = [command, "--data-dir", str(self.data_dir), *map(str, arguments)]
        try:
            code = main.main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def enrol(self, person_id: str) -> None:
        portrait = ENROLLED[person_id]
        assert self("enrol", "--id", person_id, "--name", portrait.name, portrait.path) == 0

    def kiosk(self, source: Path, *arguments: str) -> list[dict[str, object]]:
        code = self("kiosk", "--headless", "--json", "--fast", "--source", source, *arguments)
        assert code == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]


def test_a_person_is_enrolled_recognised_stored_and_exported(run: Run, tmp_path: Path) -> None:
    for person_id in ENROLLED:
        run.enrol(person_id)
    lines = run.kiosk(OBAMA_VISITS[0])
    punches = [line for line in lines if line["event"] == "punch"]
    assert [p["person_id"] for p in punches] == ["obama"]
    assert punches[0]["direction"] == "in"
    summary = lines[-1]
    assert summary["event"] == "summary"
    assert set(summary) >= {"frames", "decisions", "latency_ms", "stage_ms", "fps"}

    today = datetime.now(UTC).date()
    target = tmp_path / "out.csv"
    code = run(
        "export",
        "--from",
        (today - timedelta(days=1)).isoformat(),
        "--to",
        (today + timedelta(days=2)).isoformat(),
        "-o",
        target,
    )
    assert code == 0
    raw = target.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert list(row) == EXPORT_COLUMNS.split(",")
    assert (row["staff_id"], row["name"], row["method"]) == ("obama", "Barack Obama", "face")
    assert row["punch_id"] == punches[0]["punch_id"]


def test_after_a_change_of_network_nobody_is_compared_and_all_are_told_to_enrol_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.enrol("obama")
    folder = tmp_path / "weights"
    folder.mkdir()
    shipped = manifest.read_manifest()
    kept = [e for e in shipped.entries if e.precision != "fp32-prelu"]
    others = [
        altered_copy(e, folder, file=f"other-{e.file}", network="other", model_id="other-v1")
        for e in kept
        if e.role == "embed"
    ]
    for entry in kept:
        shutil.copyfile(entry.path, folder / entry.file)
    write_manifest(folder, (*kept, *others), default_network=shipped.default_network)
    monkeypatch.setattr(manifest, "default_weights_dir", lambda: folder)

    change = ("--set", "inference.network=other")
    lines = run.kiosk(OBAMA_VISITS[0], *change)
    assert not [line for line in lines if line["event"] == "punch"]
    assert "1 person was enrolled with another network" in run.err
    assert "enrol that person again" in run.err
    assert run("people", "--json", *change) == 0
    assert json.loads(run.out)["recognisable"] is False
    assert "1 person was enrolled with another network" in run.err
    lines = run.kiosk(OBAMA_VISITS[0])
    assert [line["person_id"] for line in lines if line["event"] == "punch"] == ["obama"]
    assert "another network" not in run.err


def test_an_unknown_network_ends_the_kiosk_with_the_names_there_are(run: Run) -> None:
    change = ("--set", "inference.network=mobilenet")
    code = run("kiosk", "--headless", "--source", OBAMA_VISITS[0], *change)
    assert code == ConfigError.exit_code
    assert "«mobilenet»" in run.err
    assert "mobilefacenet-import" in run.err


def test_a_stranger_is_refused_and_not_stored(run: Run) -> None:
    run.enrol("obama")
    (stranger,) = [p for p in portraits() if p.person_id == "hopper"]
    lines = run.kiosk(stranger.path, "--set", "source.picture_hold_s=3")
    assert {line["event"] for line in lines} == {"rejected", "summary"}
    assert {"event": "rejected", "reason": "unknown"} in lines


def test_a_second_visit_within_the_cooldown_is_answered_and_not_stored(run: Run) -> None:
    run.enrol("obama")
    run.kiosk(OBAMA_VISITS[0])
    lines = run.kiosk(OBAMA_VISITS[1])
    assert "punch" not in {line["event"] for line in lines}
    assert any(line.get("reason") == "cooldown" for line in lines)
    lines = run.kiosk(OBAMA_VISITS[1], "--set", "kiosk.cooldown_s=0")
    assert [line["direction"] for line in lines if line["event"] == "punch"] == ["out"]


def test_nobody_enrolled_means_nobody_is_punched(run: Run) -> None:
    lines = run.kiosk(OBAMA_VISITS[0], "--set", "source.picture_hold_s=3")
    assert "punch" not in {line["event"] for line in lines}


def test_an_erased_person_is_not_recognised_any_more_and_keeps_their_punches(run: Run) -> None:
    run.enrol("obama")
    run.kiosk(OBAMA_VISITS[0])
    assert run("erase", "obama") == 0
    lines = run.kiosk(OBAMA_VISITS[1], "--set", "kiosk.cooldown_s=0")
    assert "punch" not in {line["event"] for line in lines}
    database = sqlite3.connect(run.data_dir / "clockface.db")
    try:
        assert database.execute("select count(*) from templates").fetchone() == (0,)
        assert database.execute("select count(*) from punches").fetchone() == (1,)
    finally:
        database.close()


def test_an_erased_person_may_be_enrolled_again(run: Run) -> None:
    run.enrol("obama")
    assert run("erase", "obama") == 0
    run.enrol("obama")
    assert [line["event"] for line in run.kiosk(OBAMA_VISITS[0])].count("punch") == 1


def test_people_are_listed_for_people_and_for_scripts(run: Run) -> None:
    run.enrol("obama")
    assert run("people", "--json") == 0
    (line,) = run.out.splitlines()
    assert json.loads(line)["staff_id"] == "obama"
    assert json.loads(line)["templates"] == 1
    assert run("people") == 0
    assert "Barack Obama" in run.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["people"], 6, "no database"),
        (["erase", "nobody"], 2, "Nobody has the staff id nobody"),
        (["erase", "../x"], 2, "not a staff id"),
        (["kiosk", "--headless", "--source", "missing.mp4"], 3, "missing.mp4"),
        (["kiosk", "--headless", "--source", "97"], 3, "97"),
        (["kiosk", "--headless", "--set", "kiosk.nme=x"], 7, "kiosk.name"),
        (["export", "--from", "2026-11-02", "--to", "2026-11-02"], 2, "not after"),
        (["export", "--from", "yesterday", "--to", "2026-11-02"], 2, "not a date"),
        (["import-staff", "staff.csv", "--photos", "missing"], 2, "no folder missing"),
        (["enrol", "--id", "a b", "--name", "A", "x.jpg"], 2, "not a staff id"),
        (["enrol", "--id", "a", "--name", " ", "x.jpg"], 2, "name is empty"),
        (["enrol", "--id", "a", "--name", "A", "missing.jpg"], 2, "missing.jpg"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_a_bad_call_says_what_is_wrong_and_ends_with_its_code(
    run: Run, arguments: list[str], code: int, words: str
) -> None:
    assert run(arguments[0], *arguments[1:]) == code
    assert words in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("command", ["", "kiosk", "demo", "enrol", "import-staff", "export"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([word for word in (command, "--help") if word])
    assert ended.value.code == 0
    assert "--data-dir" in capsys.readouterr().out


def test_the_same_face_is_not_enrolled_twice(run: Run) -> None:
    run.enrol("obama")
    assert run("enrol", "--id", "other", "--name", "Other", OBAMA_VISITS[0]) == 2
    assert "already enrolled as obama" in run.err
    assert run("people", "--json") == 0
    assert len(run.out.splitlines()) == 1


def test_photos_of_two_people_are_not_enrolled_as_one(run: Run) -> None:
    photos = [ENROLLED["obama"].path, ENROLLED["collins"].path]
    assert run("enrol", "--id", "7", "--name", "X", *photos) == 4
    assert "somebody else" in run.err


def test_a_staff_list_is_imported_row_by_row(run: Run, tmp_path: Path) -> None:
    staff = tmp_path / "staff.csv"
    staff.write_text(
        "staff_id,name,department,photo\n"
        "obama,Barack Obama,Oval,obama-1.jpg\n"
        "twin,Somebody Else,,obama-2.jpg\n"
        "ghost,No Photo,,missing.jpg\n"
        "a b,Bad Id,,biden-1.jpg\n"
        "biden,Joe Biden,Oval,biden-1.jpg\n",
        encoding="utf-8",
    )
    for dry_run in (True, False):
        extra = ["--dry-run"] if dry_run else []
        assert run("import-staff", staff, "--photos", PORTRAITS_DIR, *extra) == 2
        assert "line 3: twin not enrolled. This face is already enrolled as obama." in run.out
        assert "line 4: ghost" in run.out
        assert "line 5: a b" in run.out
        assert "2 of 5 rows" in run.out
        assert run("people", "--json") == 0
        assert len(run.out.splitlines()) == (0 if dry_run else 2)


def test_a_second_program_on_the_same_data_is_told_so(run: Run) -> None:
    run.enrol("obama")
    with main.opened(run.data_dir):
        assert run("erase", "obama") == 6
        assert str(os.getpid()) in run.err
        assert run("people", "--json") == 0, "looking is allowed beside a running kiosk"
        assert json.loads(run.out)["templates"] == 1


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda file: file.unlink(), "missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"x"), "mobilefacenet-int8.onnx"),
    ],
    ids=["missing", "altered"],
)
def test_a_model_file_that_is_missing_or_altered_stops_with_its_name(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path], object],
    words: str,
) -> None:
    run.enrol("obama")
    weights = tmp_path / "weights"
    shutil.copytree(manifest.default_weights_dir(), weights)
    harm(weights / "mobilefacenet-int8.onnx")
    monkeypatch.setattr(manifest, "default_weights_dir", lambda: weights)
    assert run("kiosk", "--headless", "--fast", "--source", OBAMA_VISITS[0]) == 5
    assert words in run.err
    assert "Traceback" not in run.err
    assert run("people", "--json") == 0
    assert len(run.out.splitlines()) == 1, "nothing is lost"


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "command",
    [
        ["people"],
        ["export", "--from", "2026-01-01", "--to", "2100-01-01"],
        ["kiosk", "--headless", "--fast", "--source", str(OBAMA_VISITS[0])],
    ],
    ids=["people", "export", "kiosk"],
)
def test_output_that_cannot_be_written_is_said_in_a_sentence_and_no_punch_is_lost(
    run: Run, command: list[str]
) -> None:
    run.enrol("obama")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "main.py", *command, "--data-dir", str(run.data_dir)],
            cwd=REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == main.EXIT_REFUSED
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("people", "--json") == 0
    assert (json.loads(run.out)["last_punch"] is not None) == (command[0] == "kiosk")


def test_without_a_display_the_kiosk_says_what_to_run_instead() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    if sys.platform != "linux":
        pytest.skip("only Linux runs without a display server")
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == DisplayError.exit_code
    assert "demo --headless" in done.stderr


def test_the_demo_recognises_everybody_it_enrolled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["demo", "--headless", "--json", "--fast"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    punched = [line["person_id"] for line in lines if line["event"] == "punch"]
    assert set(punched) == set(ENROLLED)
    assert len(punched) == len(set(punched)), "nobody is punched twice within the cooldown"
    assert {"event": "rejected", "reason": "unknown"} in lines, "the stranger is told so"
