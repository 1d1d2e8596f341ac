#!/usr/bin/env python3
"""Tells from runs of two builds, measured in turn, whether the second one is slower.

It owns the arithmetic and the words of the verdict, and knows neither servers nor files of a measurement.
`python3 scripts/perf_verdict.py FILE [LIMIT_PERCENT]` judges the runs of a result, or those that a committed
baseline tells of, again.
"""

import json
import math
import statistics
import sys

# Runs of each build below which nothing is told, and how sure a verdict is.
RUNS_MIN = 10
CONFIDENCE = 0.95

EXIT_CODES = {"PASS": 0, "FAIL": 1, "INSUFFICIENT": 2}


def signed_rank_place(pairs):
    """How many of the smallest Walsh averages lie outside the one-sided bound; 0 is no bound at all.

    The exact distribution of Wilcoxon's signed-rank statistic under no difference: each of the ranks
    1 to n is in the sum with probability one half.
    """
    counts = [1]
    for rank in range(1, pairs + 1):
        wider = counts + [0] * rank
        for total, count in enumerate(counts):
            wider[total + rank] += count
        counts = wider
    allowed, below, place = (1 - CONFIDENCE) * 2**pairs, 0, 0
    for count in counts:
        below += count
        if below > allowed:
            return place
        place += 1
    return 0


def ratio_of(baseline, candidate):
    """The candidate's figure over the baseline's: estimate, and one-sided bounds below and above.

    Runs that stand beside each other in time are a pair, so that what slows the machine down for a while
    slows both. The estimate is the median of the Walsh averages of the logarithms of the pairs' ratios, and
    the bounds are order statistics of them (Hodges and Lehmann, "Estimates of Location Based on Rank
    Tests", Annals of Mathematical Statistics 34, 1963; Hollander, Wolfe and Chicken, "Nonparametric
    Statistical Methods", 3rd edition, sections 3.2 and 3.3). They need no normal distribution; the
    differences have to be symmetric, which they are where runs of both kinds scatter alike.
    """
    logs = [math.log(b / a) for a, b in zip(baseline, candidate)]
    walsh = sorted((x + y) / 2 for at, x in enumerate(logs) for y in logs[at:])
    place = signed_rank_place(len(logs))
    bounds = (walsh[place - 1], walsh[-place]) if place else (-math.inf, math.inf)
    return math.exp(statistics.median(walsh)), math.exp(bounds[0]), math.exp(bounds[1])


def percent(share):
    return round(100 * share, 2) if math.isfinite(share) else None


def figures(baseline, candidate):
    """What one measured quantity tells of both builds; losses in percent, negative where it gained."""
    ratio, low, high = ratio_of(baseline, candidate)

    def of(runs):
        middle = statistics.median(runs)
        return {
            "median": round(middle, 1),
            "spread_percent": percent((max(runs) - min(runs)) / middle),
            "runs": [round(it, 1) for it in runs],
        }

    return {
        "baseline": of(baseline),
        "candidate": of(candidate),
        "loss_percent": percent(1 - ratio),
        "loss_at_least_percent": percent(1 - high),
        "loss_at_most_percent": percent(1 - low),
    }


def judge(baseline, candidate, limit):
    """Returns the verdict, the sentence that says why, and the figures behind it."""
    told = figures(baseline, candidate)
    loss, at_least, at_most = (
        told[name] for name in ("loss_percent", "loss_at_least_percent", "loss_at_most_percent")
    )
    if len(baseline) < RUNS_MIN:
        why = f"{len(baseline)} runs of each are fewer than the {RUNS_MIN} that tell anything"
        return "INSUFFICIENT", why, told
    if at_most <= limit:
        return "PASS", f"the loss is {at_most} % at the most, and {limit:g} % are allowed", told
    if at_least > limit:
        return "FAIL", f"the loss is {at_least} % at the least, and {limit:g} % are allowed", told
    why = (
        f"the loss is between {at_least} % and {at_most} %, and {limit:g} % are allowed: "
        f"the runs scatter too much to tell; repeat it on a quieter machine, or with more --runs"
    )
    return "INSUFFICIENT", why, told


def runs_of(document):
    """The runs of both builds and the limit; a committed baseline keeps the pairs' ratios alone."""
    if "measured" in document:
        ratios = document["measured"]["ratios"]
        return [1.0] * len(ratios), ratios, document["measured"]["limit_percent"]
    told = document["transactions_per_cpu_second"]
    return told["baseline"]["runs"], told["candidate"]["runs"], document["limit_percent"]


def main():
    if len(sys.argv) not in (2, 3):
        print("perf_verdict: it takes a file and, if you like, a limit in percent", file=sys.stderr)
        sys.exit(64)
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            baseline, candidate, limit = runs_of(json.load(file))
        limit = float(sys.argv[2]) if len(sys.argv) == 3 else limit
        verdict, why, _ = judge(baseline, candidate, limit)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"perf_verdict: {sys.argv[1]} has no runs to judge: {error!r}", file=sys.stderr)
        sys.exit(69)
    print(f"{verdict}  {why}")
    sys.exit(EXIT_CODES[verdict])


if __name__ == "__main__":
    main()
