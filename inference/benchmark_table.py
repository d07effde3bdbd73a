"""The benchmark's report as a table for a terminal."""

from collections.abc import Mapping
from typing import Any


def as_text(report: Mapping[str, Any]) -> str:
    """Return the report as a table for a terminal."""
    machine = report["machine"]
    runs = f"{report['threads']} threads a session, {report['model_id']} in {report['precision']}"
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}",
        f"ONNX Runtime {machine['onnxruntime']} on {machine['provider']}, {runs}",
        "",
        "one face at 640 × 480, p50 by stage (ms)",
        *(f"  {stage:<12}{elapsed:>9.2f}" for stage, elapsed in report["stage_ms"].items()),
        "",
        "whole frame (ms)        p50      p95      p99   found  embedded  detector",
    ]
    for count, times in report["frame_ms"].items():
        seen = report["frames"][count]
        columns = "".join(f"{times[share]:>9.1f}" for share in ("p50", "p95", "p99"))
        lines.append(
            f"  {count:>2} faces {'':<6}{columns}"
            f"{seen['faces']:>8.0f}{seen['embedded']:>10.1f}  {seen['detector']}"
        )
    lines += [
        "",
        "embedders, taking turns, × as fast as plain PReLU in fp32",
        f"  {'':<30}{'MB':>7}{'run, ms':>9}{'a run':>8}{'runs':>6}{'a crop':>8}",
    ]
    lines += [
        f"{'>' if file == report['embedder'] else ' ':<2}{file:<30}{found['mb']:>7.2f}"
        f"{found['run_ms']:>9.2f}{found['speedup']:>8.2f}{found['runs']:>6}"
        f"{found['crop_speedup']:>8.2f}"
        for file, found in report["embedders"].items()
    ]
    lines += ["", "one search, p50 (ms)"]
    lines += [
        f"  {int(size):>9,} templates{elapsed:>9.3f}"
        for size, elapsed in report["search_ms"].items()
    ]
    memory = "unknown" if report["rss_mb"] is None else f"{report['rss_mb']:.0f} MB"
    lines += [
        "",
        f"process start to first decision: {report['start_ms']:.0f} ms",
        f"memory with networks and 10,000 templates: {memory}",
    ]
    return "\n".join(lines)
