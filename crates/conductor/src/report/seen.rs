//! What was seen over time as lines of plots: guards, the canary's share, connections by arm.

use guard::Verdict;
use jiff::Timestamp;
use runbook::{Measure, PlannedGuard};

use super::{
    Report,
    facts::word,
    plot::{Band, Curve, Mark, Plot},
};
use crate::{Sample, TrafficShare};

/// The most points of a line. Each stretch keeps its least and its greatest.
pub(super) const POINTS_MAX: usize = 600;

/// A value at a time; none where nothing was measured.
pub(super) type Point = (f64, Option<f64>);

/// Returns a plot for each guard that was looked at, and those of the traffic.
pub(super) fn plots(report: &Report<'_>) -> Vec<Plot> {
    let times = report.material.samples.iter().map(at);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Vec::new() };
    let from = first.min(report.facts.turns.first().map_or(first, |turn| turn.at.max(first)));
    let seconds = |at: Timestamp| at.duration_since(from).as_secs_f64();
    // What came right before and after the looks belongs to them.
    let until = seconds(last).max(1.0);
    let turns = report.facts.turns.iter().filter(|turn| {
        let at = seconds(turn.at);
        (0.0..=until * 1.1 + 1.0).contains(&at)
    });
    let marks: Vec<_> =
        turns.map(|turn| Mark { at: seconds(turn.at), name: word(turn.to).to_owned() }).collect();
    let until = marks.iter().map(|mark| mark.at).fold(until, f64::max);
    let frame = |title: String, unit: String, curves, bands| Plot {
        title,
        unit,
        from,
        until,
        marks: marks.clone(),
        curves,
        bands,
    };
    let mut plots = Vec::new();
    for guard in &report.material.plan.guards {
        let (curves, bands) = of_guard(report.material.samples, guard, &seconds);
        if !bands.is_empty() {
            let judged = report.facts.last_judgement(&guard.spec.id);
            let unit = judged.map(|judged| judged.unit.clone()).unwrap_or_default();
            plots.push(frame(format!("Guard {}", guard.spec.id), unit, curves, bands));
        }
    }
    let shares = || {
        report.material.samples.iter().filter_map(|sample| match sample {
            Sample::Traffic { at, share } => Some((*at, *share)),
            Sample::Guard { .. } => None,
        })
    };
    let line = |value: fn(TrafficShare) -> f64| -> Vec<Point> {
        thinned(shares().map(|(at, share)| (seconds(at), Some(value(share)))).collect())
    };
    if shares().next().is_some() {
        let curve = Curve::new("canary", "canary", line(|share| share.canary_percent));
        plots.push(frame("The canary's share".to_owned(), "%".to_owned(), vec![curve], vec![]));
        let curves = vec![
            Curve::new("stable", "stable", line(|share| share.stable_open as f64)),
            Curve::new("canary", "canary", line(|share| share.canary_open as f64)),
        ];
        plots.push(frame("Open connections by arm".to_owned(), String::new(), curves, vec![]));
    }
    plots
}

fn at(sample: &Sample) -> Timestamp {
    match sample {
        Sample::Guard { at, .. } | Sample::Traffic { at, .. } => *at,
    }
}

fn of_guard(
    samples: &[Sample],
    guard: &PlannedGuard,
    seconds: &impl Fn(Timestamp) -> f64,
) -> (Vec<Curve>, Vec<Band>) {
    let (mut values, mut baselines, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    let mut verdicts: Vec<(f64, Verdict)> = Vec::new();
    for sample in samples {
        let Sample::Guard { at, guard: of, verdict, value, baseline, bound, .. } = sample else {
            continue;
        };
        if *of != guard.spec.id {
            continue;
        }
        let at = seconds(*at);
        values.push((at, *value));
        baselines.push((at, *baseline));
        // Of pairs the bound is that of the ratio; what is allowed follows from the stable arm.
        let allowed = match guard.spec.measure {
            Measure::Latency => baseline.zip(guard.spec.ratio).map(|(it, ratio)| it * ratio),
            _ => *bound,
        };
        bounds.push((at, allowed));
        verdicts.push((at, *verdict));
    }
    let curves = [("bound", bounds), ("stable", baselines), ("canary", values)];
    let curves = curves.map(|(class, points)| Curve::new(class, class, thinned(points)));
    (curves.into(), bands(&verdicts))
}

/// Returns the stretches with one verdict; of short ones side by side the gravest is kept.
fn bands(verdicts: &[(f64, Verdict)]) -> Vec<Band> {
    let step = verdicts.len().div_ceil(POINTS_MAX).max(1);
    let gravity = |verdict: Verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Insufficient => 1,
        Verdict::Error => 2,
        Verdict::Fail => 3,
    };
    let mut bands: Vec<Band> = Vec::new();
    for chunk in verdicts.chunks(step) {
        let from = chunk[0].0;
        let worst = chunk.iter().map(|(_, verdict)| *verdict).max_by_key(|it| gravity(*it));
        let verdict = worst.unwrap_or(Verdict::Error);
        if let Some(last) = bands.last_mut() {
            last.until = from;
            if last.verdict == verdict {
                continue;
            }
        }
        bands.push(Band { from, until: from, verdict });
    }
    if let (Some(last), Some((at, _))) = (bands.last_mut(), verdicts.last()) {
        last.until = *at;
    }
    bands
}

/// Returns at most so many points as a line may have, with the extremes of each stretch.
pub(super) fn thinned(points: Vec<Point>) -> Vec<Point> {
    if points.len() <= POINTS_MAX {
        return points;
    }
    let step = points.len().div_ceil(POINTS_MAX / 2);
    let mut out = Vec::with_capacity(POINTS_MAX);
    for chunk in points.chunks(step) {
        let known = || {
            let known = chunk.iter().enumerate();
            known.filter_map(|(at, (_, value))| Some((at, value.filter(|it| it.is_finite())?)))
        };
        let least = known().min_by(|a, b| a.1.total_cmp(&b.1));
        let most = known().max_by(|a, b| a.1.total_cmp(&b.1));
        match (least, most) {
            (Some((least, _)), Some((most, _))) if least != most => {
                out.extend([chunk[least.min(most)], chunk[least.max(most)]]);
            }
            (Some((only, _)), _) => out.push(chunk[only]),
            _ => out.push((chunk[0].0, None)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{POINTS_MAX, Point, Verdict, bands, thinned};

    #[test]
    fn thinned_lines_keep_their_extremes_and_gaps() {
        let value = |at: u32| match at {
            5_000 => Some(100.0),
            7_000 => Some(-100.0),
            8_000..9_000 => None,
            9_500 => Some(f64::NAN),
            at => Some(f64::from(at % 3)),
        };
        let points: Vec<Point> = (0..10_000).map(|at| (f64::from(at), value(at))).collect();
        let thin = thinned(points.clone());
        assert!(thin.len() <= POINTS_MAX, "{}", thin.len());
        for kept in [(5_000.0, Some(100.0)), (7_000.0, Some(-100.0))] {
            assert!(thin.contains(&kept), "{kept:?}");
        }
        assert!(thin.iter().any(|(_, value)| value.is_none()));
        assert!(thin.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(thinned(points[..600].to_vec()), points[..600]);
        assert_eq!(thinned(Vec::new()), []);
    }

    #[test]
    fn verdicts_are_stretches() {
        let told = |verdicts: &[(f64, Verdict)]| -> Vec<_> {
            bands(verdicts).iter().map(|it| (it.from, it.until, it.verdict)).collect()
        };
        let verdicts = [
            (0.0, Verdict::Pass),
            (1.0, Verdict::Pass),
            (2.0, Verdict::Fail),
            (3.0, Verdict::Fail),
        ];
        assert_eq!(told(&verdicts), [(0.0, 2.0, Verdict::Pass), (2.0, 3.0, Verdict::Fail)]);
        assert_eq!(told(&[]), []);
        let mut many = vec![(0.0, Verdict::Pass); 5_000];
        many[2_500].1 = Verdict::Fail;
        assert!(told(&many).iter().any(|band| band.2 == Verdict::Fail));
    }
}
