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
    lines += ["", "one crop, taking turns, p50 (ms)"]
    lines += [f"  {file:<28}{elapsed:>9.2f}" for file, elapsed in report["embed_ms"].items()]
    lines += [
        f"  {precision} is {factor:.2f} × as fast as plain PReLU in fp32"
        for precision, factor in report["embed_speedups_over_prelu_fp32"].items()
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
