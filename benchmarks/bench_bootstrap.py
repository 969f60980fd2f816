"""Paired bootstrap of token efficiency: thinkmeter against scipy.stats.bootstrap. Verify first, then time.

Each side runs in its own process with one BLAS thread. CPU seconds are of the call (``time.process_time``) and of the
whole process with imports and the making of data (``getrusage``). Peak memory is the process's largest resident set.

    python benchmarks/bench_bootstrap.py                 # 25 models, 14,000 items, 10,000 replicates
    python benchmarks/bench_bootstrap.py --quick         # small
    python benchmarks/bench_bootstrap.py --scipy-replicates 500   # scipy measured on fewer and scaled linearly
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np

Facts = dict[str, Any]


def make_data(models: int, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Return S (0 or 1) and T (whole tokens), each of shape (models, items); items differ in difficulty and length."""
    rng = np.random.default_rng(2024)
    ability = np.linspace(-1, 2, models)[:, None]
    difficulty, length = rng.normal(size=(2, 1, items))
    S = rng.random((models, items)) < 1 / (1 + np.exp(difficulty - ability))
    T = np.exp(7 + 0.5 * length + 0.3 * difficulty + 0.6 * rng.normal(size=(models, items)))
    return S.astype(float), np.clip(np.round(T), 1, 32768)


def run_ours(models: int, items: int, replicates: int, method: str) -> Facts:
    """Time the way from rows with text labels to intervals."""
    import scipy.special  # noqa: F401  (loaded before the clock starts, as on the other side)

    from thinkmeter.stats import ItemSums, estimate

    S, T = make_data(models, items)
    groups = np.repeat([f"model-{at:03d}" for at in range(models)], items)
    names = np.tile([f"item-{at:06d}" for at in range(items)], models)
    begin = time.process_time()
    state = ItemSums.from_rows(groups, names, {"S": S.ravel(), "T": T.ravel()})
    reduced = time.process_time()
    efficiency = {"E": lambda q: 1000 * q["S"] / q["T"]}
    found = estimate(
        state, efficiency, replicates=replicates, seed=1, method=method, bounds={"E": (0.0, np.inf)}
    )["E"]
    end = time.process_time()
    return _facts(found.value, found.low, found.high, end - begin, {"reduce": reduced - begin})


def run_scipy(models: int, items: int, replicates: int, batch: int) -> Facts:
    """Time scipy's paired, vectorised bootstrap, percentile method."""
    from scipy.stats import bootstrap

    S, T = make_data(models, items)

    def efficiency(s: np.ndarray, t: np.ndarray, axis: int) -> np.ndarray:
        return 1000 * s.sum(axis=axis) / t.sum(axis=axis)

    begin = time.process_time()
    found = bootstrap(
        (S, T),
        efficiency,
        axis=-1,
        paired=True,
        vectorized=True,
        n_resamples=replicates,
        batch=batch,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    end = time.process_time()
    ends = found.confidence_interval
    return _facts(efficiency(S, T, -1), ends.low, ends.high, end - begin, {})


def _facts(value: np.ndarray, low: np.ndarray, high: np.ndarray, seconds: float, more: Facts) -> Facts:
    return {"value": value.tolist(), "low": low.tolist(), "high": high.tolist(), "cpu": seconds, **more}


def child(*arguments: str) -> Facts:
    """Run one side in a process of its own and return what it found and used."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, env=os.environ | threads, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def verify(ours: Facts, theirs: Facts, replicates: int, their_replicates: int) -> str:
    """Raise unless values are equal and interval ends agree within Monte Carlo error; return what was checked."""
    value, low, high = (np.array(ours[key]) for key in ("value", "low", "high"))
    np.testing.assert_allclose(value, theirs["value"], rtol=1e-12)
    # Standard error of the 2.5 % quantile of R normal draws: 2.67 standard deviations / sqrt(R).
    sd = (high - low) / 3.92
    error = 2.67 * sd * np.sqrt(1 / replicates + 1 / their_replicates)
    worst = max(np.abs((low - theirs["low"]) / error).max(), np.abs((high - theirs["high"]) / error).max())
    if worst > 4.5:
        raise SystemExit(f"intervals differ by {worst:.1f} Monte Carlo standard errors")
    return f"values equal to 1e-12; {2 * len(value)} interval ends differ by at most {worst:.1f} Monte Carlo standard errors"


def report(options: argparse.Namespace) -> None:
    """Verify, time and print."""
    sizes = [str(options.models), str(options.items)]
    their_count = options.scipy_replicates or options.replicates
    scale = options.replicates / their_count
    plain = child("ours", *sizes, str(options.replicates), "percentile")
    rows = [
        ("thinkmeter, percentile", plain, 1.0),
        ("thinkmeter, default (BCa and t)", child("ours", *sizes, str(options.replicates), "bca"), 1.0),
    ]
    for batch in options.batches:
        theirs = child("scipy", *sizes, str(their_count), str(batch))
        checked = verify(plain, theirs, options.replicates, their_count)
        rows.append((f"scipy.stats.bootstrap, percentile, batch {batch}", theirs, scale))
    print(
        f"{options.models} models x {options.items:,} items x {options.replicates:,} replicates of E = 1000 S / T"
    )
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {version('scipy')}"
    print(f"{versions}, {_cpu()}, one BLAS thread per process")
    print(f"verified: {checked}")
    if scale != 1:
        print(f"scipy was measured on {their_count:,} replicates and its CPU time multiplied by {scale:g}")
    print("\n| | CPU s, call | of ours | CPU s, whole process | peak memory MB |\n|---|---|---|---|---|")
    for name, facts, factor in rows:
        seconds, whole = facts["cpu"] * factor, facts["whole"] + facts["cpu"] * (factor - 1)
        print(
            f"| {name} | {seconds:.2f} | x {seconds / plain['cpu']:.1f} | {whole:.2f} | {facts['peak_mb']:.0f} |"
        )
    print(
        f"\nOf our call, adding up {options.models * options.items:,} rows took {plain['reduce']:.2f} CPU s."
    )
    print(
        "Where this flatters us: the statistic is a function of sums, which is all our bootstrap can do and a small part of "
        "what\nscipy's can. Where it does not: scipy gets arrays, we start from rows with text labels. scipy's speed depends on "
        "its batch;\n1 was its fastest here. scipy's BCa is left out: it evaluates one leave-one-out sample per item, slower still."
    )


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown CPU"


def main() -> None:
    """Parse options; as a child, run one side and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=25)
    parser.add_argument("--items", type=int, default=14_000)
    parser.add_argument("--replicates", type=int, default=10_000)
    parser.add_argument("--scipy-replicates", type=int, help="replicates to measure scipy on; default: all")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 100], help="scipy's batch sizes")
    parser.add_argument("--quick", action="store_true", help="5 models, 1,000 items, 1,000 replicates")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        side, models, items, replicates, last = options.child
        if side == "ours":
            facts = run_ours(int(models), int(items), int(replicates), last)
        else:
            facts = run_scipy(int(models), int(items), int(replicates), int(last))
        used = resource.getrusage(resource.RUSAGE_SELF)
        facts |= {"whole": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}
        print(json.dumps(facts))
        return
    if options.quick:
        options.models, options.items, options.replicates = 5, 1000, 1000
    report(options)


if __name__ == "__main__":
    main()
