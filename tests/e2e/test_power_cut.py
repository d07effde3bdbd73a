"""A punch that was announced is there after the power went, whatever the program was doing."""

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import main
from inference.portraits import portraits
from tests.conftest import REPOSITORY

ENROL = next(p.path for p in portraits() if p.person_id == "obama" and p.role == "enrol")
VISIT = next(p.path for p in portraits() if p.person_id == "obama" and p.role == "visit")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_an_announced_punch_survives_a_kill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = str(tmp_path / "data")
    enrol = ["enrol", "--data-dir", data_dir, "--id", "44", "--name", "Barack Obama", str(ENROL)]
    assert main.main(enrol) == 0
    command = ["kiosk", "--data-dir", data_dir, "--headless", "--json", "--source", str(VISIT)]
    with subprocess.Popen(
        [sys.executable, "main.py", *command, "--set", "source.picture_hold_s=60"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as kiosk:
        assert kiosk.stdout is not None
        announced = json.loads(kiosk.stdout.readline())
        kiosk.kill()
        assert kiosk.wait(timeout=30) == -signal.SIGKILL
    assert announced["event"] == "punch"

    database = sqlite3.connect(tmp_path / "data" / "clockface.db")
    try:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        stored = database.execute("select id, sequence from punches").fetchall()
    finally:
        database.close()
    assert stored == [(announced["punch_id"], 1)]

    capsys.readouterr()
    assert main.main([*command, "--fast", "--set", "kiosk.cooldown_s=0"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["direction"] for e in events if e["event"] == "punch"] == ["out"]
