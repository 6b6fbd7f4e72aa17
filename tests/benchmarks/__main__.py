"""Time the library beside PyTorch, MyGrad and HIPS autograd, and write what is found as Markdown.

A full run writes tests/benchmarks/results.md; one with --only, --sections or --quick only prints, unless told --output.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import breakdown, growth, layers, memory, report, rivals, seam, steps
from tests.benchmarks.report import Section, Settings, Target
from tests.benchmarks.threads import on_threads

SECTIONS: dict[str, Callable[[Settings], Section | None]] = {
    "training": steps.training,
    "inference": steps.inference,
    "one-thread": steps.one_thread,
    "layers": layers.section,
    "memory": memory.section,
    "growth": growth.section,
    "seam": seam.section,
    "profile": breakdown.section,
    "rivals": rivals.section,
}
RESULTS = Path(__file__).parent / "results.md"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    settings = Settings(
        turns=options.repeats or (3 if options.quick else Settings().turns),
        share=0.1 if options.quick else 1.0,
        only=tuple(options.only),
        threads=options.threads,
        quick=options.quick,
    )
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(report.CACHE / "inductor"))  # compiled once, kept for later
    meanwhile = report.Meanwhile()
    with on_threads(settings.threads):
        found = [_section(name, settings) for name in options.sections]
        sections = [section for section in found if section is not None]
        text = report.write(sections, settings, meanwhile)
    print(text)
    partial = options.only or options.quick or set(options.sections) != set(SECTIONS)
    output = options.output or (None if partial else RESULTS)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        print(f"written to {output}", file=sys.stderr)
    missed = [target for section in sections for target in section.targets if not target.met]
    return int(bool(missed) and options.check)


def _section(name: str, settings: Settings) -> Section | None:
    """A section; if results differ, what differs in its place, so that the others are not lost."""
    try:
        return SECTIONS[name](settings)
    except AssertionError as error:
        said = f"Nothing is told, since results differ:\n\n```\n{str(error).strip()}\n```"
        return Section(name.capitalize(), said, [Target(f"{name}: results agree", "yes", "no", False)])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats, no torch.compile")
    parser.add_argument(
        "--sections",
        nargs="+",
        choices=SECTIONS,
        default=list(SECTIONS),
        metavar="SECTION",
        help=f"only these, of {', '.join(SECTIONS)}",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="only what has one of these in its name; upper and lower case are one",
    )
    parser.add_argument("--repeats", type=int, help="measurements of each, at most (default: 20)")
    parser.add_argument("--threads", type=int, default=report.cores(), help="of each library (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument("--output", type=Path, help="where the Markdown goes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
