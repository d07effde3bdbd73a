"""Clockface on the command line: every subcommand, and what each needs of the layers.

Heavy modules are imported where a command needs them, so that `--help` and `people` answer at once.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from importlib import metadata
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from attendance.errors import InputError, KnownError
from attendance.photo_enrolment import check_new_person, read_photos
from attendance.staff import checked_person, checked_staff_id
from attendance.staff_import import GrowingGallery, RowOutcome, StaffImport
from attendance.types import Person, PersonState, Template
from gui.display import has_display, require_display
from gui.program import Program, elsewhere_sentence
from gui.terminal import run_headless

if TYPE_CHECKING:
    from inference.engine import EngineStatus
    from inference.sources import Source

logger = logging.getLogger("clockface")

OPERATOR = "command line"
DEMO_PIN = "2580"
EXIT_INTERRUPTED = 130
EXIT_REFUSED = 74  # what sysexits.h calls an input or output error
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


# --- kiosk and demo -------------------------------------------------------------------------


def kiosk_command(options: argparse.Namespace) -> int:
    """Recognise people and store their punches, in the window or on the terminal."""
    overrides = list(options.set)
    if options.source is not None:
        overrides.append(f"source.address={options.source}")
    if not options.headless:
        require_display()
    with opened(options.data_dir, overrides=overrides) as program:
        if options.headless:
            return run_headless(
                program,
                as_json=options.json,
                fast=options.fast,
                wait_for_source=options.wait,
            )
        from gui.application import EXIT_DEMO_WANTED

        code = run_window(program)
    if code == EXIT_DEMO_WANTED:
        return demo_command(options)
    return code


def run_window(program: Program, *, source_factory: "Callable[[], Source] | None" = None) -> int:
    """Open the kiosk window and run it to its end; returns its exit code."""
    from gui.application import make_application, run_kiosk
    from gui.bridge import Bridge
    from gui.services import Services

    make_application()
    bridge = Bridge()
    kiosk = program.kiosk(bridge.post_event, asks=True)
    address = program.settings.source.address

    def on_status(status: "EngineStatus") -> None:
        services.model_summary = program.model_summary
        services.model_id = program.model_id
        bridge.post_status(status)

    engine = program.engine(
        source_factory=source_factory or (lambda: program.source(address)),
        on_result=kiosk.observe,
        on_status=on_status,
    )
    services = Services(
        settings=program.settings,
        store=program.store,
        engine=engine,
        kiosk=kiosk,
        clock=program.clock,
        data_dir=program.data_dir,
        zone=program.zone,
        people=program.person,
        save_settings=program.save_settings,
        bridge=bridge,
    )
    engine.start()
    try:
        return run_kiosk(services)
    finally:
        engine.stop()


def demo_command(options: argparse.Namespace) -> int:
    """Enrol the shipped portraits in a temporary data directory and let them walk up."""
    from gui.demo import prepare_demo

    headless = options.headless or not has_display()
    with tempfile.TemporaryDirectory(prefix="clockface-demo-") as folder:
        overrides = ["kiosk.company=Clockface demo", "look.full_screen=false"]
        if not headless:
            overrides.append("kiosk.cooldown_s=20")  # each round of the picture punches again
        overrides += options.set
        with opened(Path(folder), overrides=overrides) as program:
            demo = prepare_demo(program)
            if not options.json:
                print(f"Enrolled for the demo: {', '.join(demo.names)}.", flush=True)
            if headless:
                return run_headless(
                    program,
                    as_json=options.json,
                    fast=options.fast,
                    source_factory=lambda: demo.source(program, repeat=False, fast=options.fast),
                )
            program.store.set_operator_pin(DEMO_PIN, operator=OPERATOR).result()
            print(f"The PIN of the demo's desk is {DEMO_PIN}. Nothing of the demo is kept.")
            return run_window(program, source_factory=lambda: demo.source(program, repeat=True))


# --- people -----------------------------------------------------------------------------------


def enrol_command(options: argparse.Namespace) -> int:
    """Enrol one person from photos; refuses bad photos with the reason."""
    from inference.photo import load_photo

    person = checked_person(staff_id=options.id, name=options.name, department=options.department)
    with opened(options.data_dir, overrides=options.set) as program:
        if is_taken(program, person.staff_id):
            raise InputError(
                f"The staff id {person.staff_id} is taken.",
                action="Use another one, or re-enrol that person at the desk.",
            )
        networks = program.networks()
        report = read_photos(
            options.photos,
            reader=networks.reader(program.settings.quality),
            load=load_photo,
            settings=program.settings.enrolment,
        )
        for _, error in report.refused:
            print(error, file=sys.stderr)
        if not report.looks:
            raise InputError(f"{person.name} was not enrolled: no photo could be used.")
        gallery = program.current_gallery(networks.entry)
        check_new_person(report.looks, gallery=gallery, settings=program.settings.enrolment)
        if options.consent:
            person = replace(person, consent_utc=program.clock.now_utc())
        templates = report.templates(person.staff_id)
        program.store.enrol(person, templates, operator=OPERATOR).result()
    print(f"Enrolled {person.name} ({person.staff_id}) from {_count(len(templates), 'photo')}.")
    return 0


def is_taken(program: Program, staff_id: str) -> bool:
    """Tell whether somebody has the staff id. An erased person may be enrolled again."""
    person = program.store.person(staff_id).result()
    return person is not None and person.state is not PersonState.ERASED


def import_staff_command(options: argparse.Namespace) -> int:
    """Enrol everybody of a CSV; a bad row is reported and does not stop the rest."""
    from tqdm import tqdm

    from inference.photo import load_photo
    from storage.staff_csv import read_staff_csv

    if not options.photos.is_dir():
        raise InputError(f"There is no folder {options.photos}.", action="Give --photos DIR.")
    rows = read_staff_csv(options.file, encoding=options.encoding).rows
    refused = 0
    with opened(options.data_dir, overrides=options.set) as program:
        networks = program.networks()
        store = program.store

        def enrol(person: Person, templates: tuple[Template, ...]) -> None:
            store.enrol(person, templates, operator=OPERATOR).result()

        staff_import = StaffImport(
            reader=networks.reader(program.settings.quality),
            load=load_photo,
            gallery=GrowingGallery(program.current_gallery(networks.entry)),
            settings=program.settings.enrolment,
            photos_dir=options.photos,
            is_taken=lambda staff_id: is_taken(program, staff_id),
            enrol=None if options.dry_run else enrol,
        )
        outcomes = staff_import.run(rows)
        for outcome in tqdm(outcomes, total=len(rows), unit="row", file=sys.stderr, disable=None):
            refused += outcome.problem is not None
            tqdm.write(_outcome_line(outcome, dry_run=options.dry_run), file=sys.stdout)
    verb = "would be enrolled" if options.dry_run else "enrolled"
    print(f"{len(rows) - refused} of {_count(len(rows), 'row')} {verb}, {refused} refused.")
    return InputError.exit_code if refused else 0


def _outcome_line(outcome: RowOutcome, *, dry_run: bool) -> str:
    if outcome.problem is not None:
        text = f"not enrolled. {outcome.problem}"
    else:
        verb = "would be enrolled" if dry_run else "enrolled"
        text = f"{verb} from {_count(outcome.templates, 'photo')}."
    return " ".join(
        part for part in (f"line {outcome.line}:", outcome.staff_id, text, *outcome.notes) if part
    )


def people_command(options: argparse.Namespace) -> int:
    """List everybody who is enrolled."""
    with opened(options.data_dir, overrides=options.set, read_only=True) as program:
        rows = program.store.people().result()
        zone = program.zone
        model_id = program.chosen_model_id()
        elsewhere = program.store.gallery_rows(model_id=model_id).result().other_staff_ids
    for row in rows:
        last = row.last_punch
        last_at = "" if last is None else last.at_utc.astimezone(zone).isoformat(timespec="seconds")
        if options.json:
            fields = {
                "staff_id": row.person.staff_id,
                "name": row.person.name,
                "department": row.person.department,
                "state": row.person.state.value,
                "templates": row.template_count,
                "recognisable": model_id in row.model_ids,
                "last_punch": last_at or None,
            }
            print(json.dumps(fields, ensure_ascii=False))
        else:
            person = row.person
            print(
                f"{person.staff_id:<16} {person.name:<32} {person.department:<20} "
                f"{person.state.value:<9} {row.template_count:>3}  {last_at}"
            )
    if not rows and not options.json:
        print("Nobody is enrolled yet. Enrol somebody with `enrol` or in the window.")
    if elsewhere:
        print(f"clockface: {elsewhere_sentence(len(elsewhere))}", file=sys.stderr)
    return 0


def erase_command(options: argparse.Namespace) -> int:
    """Remove a person's templates for good; punches stay."""
    staff_id = checked_staff_id(options.id)
    with opened(options.data_dir, overrides=options.set) as program:
        person = program.store.person(staff_id).result()
        if person is None:
            raise InputError(f"Nobody has the staff id {staff_id}.", action="See `people`.")
        removed = program.store.erase(staff_id, operator=OPERATOR).result()
    print(f"Erased {_count(removed, 'template')} of {person.name} ({staff_id}). Punches stay.")
    return 0


def export_command(options: argparse.Namespace) -> int:
    """Write punches as CSV, half-open in days of the kiosk's zone."""
    if options.to_date <= options.from_date:
        raise InputError(
            f"--to {options.to_date} is not after --from {options.from_date}.",
            action="The day of --to is not included: for one day, give the next day.",
        )
    with opened(options.data_dir, overrides=options.set, read_only=True) as program:
        target = options.output if options.output is not None else sys.stdout.buffer
        rows = program.store.export_csv(
            target, from_date=options.from_date, to_date=options.to_date, zone=program.zone
        ).result()
    if options.output is not None:
        print(f"Wrote {_count(rows, 'punch')} to {options.output}.", file=sys.stderr)
    return 0


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("ch") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


# --- the frame around the commands --------------------------------------------------------------


@contextmanager
def opened(
    data_dir: Path, *, overrides: Sequence[str] = (), read_only: bool = False
) -> Iterator[Program]:
    """Open a data directory and close it whatever happens."""
    program = Program(data_dir, overrides=overrides, read_only=read_only)
    try:
        if read_only:
            yield program
        else:
            with log_file(data_dir):
                yield program
    finally:
        program.close()


@contextmanager
def log_file(data_dir: Path) -> Iterator[None]:
    """Keep a rotating log beside the database; without it the program still runs."""
    folder = data_dir / "logs"
    try:
        folder.mkdir(exist_ok=True)
        handler = RotatingFileHandler(
            folder / "clockface.log", maxBytes=2_000_000, backupCount=5, encoding="utf-8"
        )
    except OSError as error:
        logger.warning("there is no log file: %s", error)
        yield
        return
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def default_data_dir() -> Path:
    return platformdirs.user_data_path("clockface", appauthor=False)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"«{text}» is not a date such as 2026-11-24") from error


def build_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="database, logs and settings (default: per user)",
    )
    common.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="a setting for this run, e.g. look.theme=dark",
    )
    common.add_argument("--precision", choices=("int8", "fp32", "auto"), help="of the network")
    common.add_argument("--verbose", action="store_true", help="log to the terminal as well")
    parser = argparse.ArgumentParser(
        prog="clockface",
        description="A face-recognition time clock. Without a command it opens the kiosk.",
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"clockface {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        summary = (run.__doc__ or "").splitlines()[0]
        sub = commands.add_parser(name, parents=[common], help=summary, description=summary)
        sub.set_defaults(run=run)
        return sub

    kiosk = command("kiosk", kiosk_command)
    kiosk.add_argument("--source", metavar="INDEX|PATH|URL", help="camera, file, folder or stream")
    kiosk.add_argument("--headless", action="store_true", help="no window; lines on the terminal")
    kiosk.add_argument(
        "--wait", action="store_true", help="headless: wait for a source that is not there yet"
    )
    demo = command("demo", demo_command)
    demo.add_argument("--headless", action="store_true", help="no window; lines on the terminal")
    for sub in (kiosk, demo):
        sub.add_argument("--json", action="store_true", help="one JSON object a line (headless)")
        sub.add_argument(
            "--fast", action="store_true", help="files as fast as possible, every frame"
        )

    enrol = command("enrol", enrol_command)
    enrol.add_argument("--id", required=True, help="staff id")
    enrol.add_argument("--name", required=True)
    enrol.add_argument("--department", default="")
    enrol.add_argument(
        "--consent", action="store_true", help="the person agreed to biometric enrolment; recorded"
    )
    enrol.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")

    imports = command("import-staff", import_staff_command)
    imports.add_argument("file", type=Path, metavar="FILE.csv")
    imports.add_argument("--photos", type=Path, required=True, metavar="DIR")
    imports.add_argument(
        "--encoding", help="of the file, if it is not UTF-8, UTF-16 or Windows-1252 (cp1252)"
    )
    imports.add_argument(
        "--dry-run", action="store_true", help="say what would happen, store nothing"
    )

    people = command("people", people_command)
    people.add_argument("--json", action="store_true", help="one JSON object a line")

    erase = command("erase", erase_command)
    erase.add_argument("id", metavar="ID", help="staff id")

    export = command("export", export_command)
    export.add_argument("--from", dest="from_date", type=_date, required=True, metavar="DATE")
    export.add_argument("--to", dest="to_date", type=_date, required=True, metavar="DATE")
    export.add_argument(
        "-o", dest="output", type=Path, metavar="FILE", help="default: the terminal"
    )
    return parser


def version() -> str:
    try:
        return metadata.version("clockface")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Known errors become one sentence on stderr."""
    parser = build_parser()
    defaults = {
        "data_dir": default_data_dir(),
        "set": [],
        "verbose": False,
        "command": None,
        "source": None,
        "headless": False,
        "json": False,
        "wait": False,
        "fast": False,
        "run": kiosk_command,
    }
    options = parser.parse_args(arguments, argparse.Namespace(**defaults))
    if "precision" in options:
        options.set = [*options.set, f"inference.precision={options.precision}"]
    if options.fast and not options.headless and options.command == "kiosk":
        parser.error("--fast goes with --headless")
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr, force=True)
    if not options.verbose:
        logging.getLogger().handlers[0].setLevel(logging.ERROR)
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except KnownError as error:
        print(f"clockface: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our lines went away; what was stored is stored.
        _drop_output()
        return 0
    except OSError as error:
        print(
            f"clockface: The system refused: {error.strerror or error}. "
            "Check the free space and the permissions of where the output goes.",
            file=sys.stderr,
        )
        logger.debug("refused by the system", exc_info=True)
        _drop_output()
        return EXIT_REFUSED
    return code


def _drop_output() -> None:
    """Send what is left of the output nowhere, so that Python does not fail on it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """Entry point of the installed command."""
    sys.exit(main())


if __name__ == "__main__":
    run()
