"""How well `scaling forecast` extrapolates real learning curves, beside the forms of the literature.

    python3 benchmarks/forecast.py --curves DIR

DIR holds `benchmark.subset.csv` (Alabdulmohsin et al. 2022: fit below half of the largest x),
`lcdb11.subset.csv` (LCDB 1.1: fit below a quarter and below a sixteenth) and `olmo_ladder.subset.csv` (fit
all but the 10xC run); data/README.md says where from. Per set: mean and median of RMSLE = sqrt(mean((ln
forecast - ln measured)^2)) over its curves, for the intervals the share of the test points inside and the
mean of ln high - ln low, and how many curves were refused. `--half` takes only the curves whose name's CRC-32
is even (1, those that the constants of the trend were chosen on) or odd (0, kept aside).

Takes some five minutes on an idle core. Exit code 0: done; 2: bad usage, or a command failed.
"""

import csv
import json
import math
import statistics
import subprocess
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

from common import Failure, Parser, build, finish

FORMS = ["auto", "power", "power+const", "shifted", "m4", "broken"]


def read(path, name, x, y):
    curves = defaultdict(list)
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        try:
            for row in rows:
                curves[name(row)].append((float(row[x]), float(row[y]), row["Training"] == "1"))
        except KeyError as column:
            raise Failure(f"{path} has no column {column}") from None
        except (TypeError, ValueError, csv.Error) as error:
            raise Failure(f"{path} line {rows.line_num}: {error}") from None
    return curves


def cases(folder):
    """(set, curve, training rows, test rows)"""
    path = folder / "benchmark.subset.csv"
    benchmark = read(path, lambda r: (r["Domain"], r["Task"], r["Model"]), "Seen Examples", "Loss")
    for name, rows in benchmark.items():
        yield name[0], "|".join(name), [r for r in rows if r[2]], [r for r in rows if not r[2]]
    lcdb = read(folder / "lcdb11.subset.csv", lambda r: r["curve_id"], "x", "y")
    for name, rows in lcdb.items():
        yield "LCDB x4", name, [r for r in rows if r[2]], [r for r in rows if not r[2]]
    for name, rows in lcdb.items():
        cut = max(r[0] for r in rows) / 16 * (1 + 1e-9)
        yield "LCDB x16", name, [r for r in rows if r[0] <= cut], [r for r in rows if r[0] > cut]
    olmo = read(folder / "olmo_ladder.subset.csv", lambda r: r["curve_id"], "D", "loss")
    for name, rows in olmo.items():
        yield "OLMo", name, [r for r in rows if r[2]], [r for r in rows if not r[2]]


def forecast(binary, train, test, form, level):
    """Forecasts by sizes of the test points; none if the form is refused, as for too few sizes."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("m,error\n" + "".join(f"{x!r},{y!r}\n" for x, y, _ in train))
        file.flush()
        at = sorted({x for x, _, _ in test})
        command = [binary, "forecast", file.name, "--json", "--form", form, "--level", str(level)]
        done = subprocess.run(command + ["--at", ",".join(map(repr, at))], capture_output=True, text=True)
    if done.returncode == 1:
        return None
    if done.returncode != 0:
        raise Failure(f"`{binary} forecast` failed: {' '.join(done.stderr.split()) or done.returncode}")
    return {x: answer for x, answer in zip(at, json.loads(done.stdout))}


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--curves", type=Path, required=True, metavar="DIR", help="the three files of curves")
    parser.add_argument("--level", type=float, default=0.9, help="of the intervals [default: 0.9]")
    parser.add_argument("--half", type=int, choices=[0, 1], help="only the curves of this half")
    forms = f"{', '.join(FORMS)} [default: all]"
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS, metavar="FORM", help=forms)
    options = parser.parse_args()
    if not 0 < options.level < 1:
        raise Failure("`--level` must lie between 0 and 1")
    by_set = defaultdict(list)
    for kind, name, train, test in cases(options.curves):
        if options.half is None or (zlib.crc32(name.encode()) % 2 == 0) == (options.half == 1):
            by_set[kind].append((train, test))
    binary = build("scaling-core", binary="scaling")
    print(f"{'set':9} {'form':12} {'curves':>6} {'mean':>7} {'median':>7} {'inside':>7} {'width':>6} refused")
    inside_all = defaultdict(list)
    for kind, curves in by_set.items():
        for form in options.forms:
            errors, inside, widths, refused = [], [], [], 0
            for train, test in curves:
                answers = forecast(binary, train, test, form, options.level)
                if answers is None:
                    refused += 1
                    continue
                off = [math.log(answers[x]["error"] / y) for x, y, _ in test]
                errors.append(math.sqrt(statistics.fmean(o * o for o in off)))
                ends = [(answers[x]["low"], answers[x]["high"], y) for x, y, _ in test]
                held = [(low or 0) <= y <= (high or math.inf) for low, high, y in ends]
                inside.append(statistics.fmean(held))
                if all(low and high for low, high, _ in ends):
                    widths.append(statistics.fmean(math.log(high / low) for low, high, _ in ends))
            if not errors:
                continue
            inside_all[form] += inside
            width = f"{statistics.fmean(widths):6.3f}" if widths else "     -"
            print(
                f"{kind:9} {form:12} {len(errors):6} {statistics.fmean(errors):7.4f} "
                f"{statistics.median(errors):7.4f} {statistics.fmean(inside):7.3f} {width} {refused}",
                flush=True,
            )
    for form, inside in inside_all.items():
        print(f"all       {form:12} {len(inside):6} {'':7} {'':7} {statistics.fmean(inside):7.3f}")
    return 0


if __name__ == "__main__":
    finish(main)
