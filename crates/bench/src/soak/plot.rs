//! A soak as a drawing: what was measured over time, with the phases behind it. Pure.
//!
//! Written by hand, with colours that a style sheet changes for a dark background.

#[cfg(test)]
mod tests;

use std::fmt::Write;

use super::{report::Report, sampler::Sample};
use crate::report::number;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 76.0;
const PANEL: f64 = 104.0;
const PANEL_GAP: f64 = 36.0;
const PANELS: f64 = 4.0;

/// How many lines a panel has between its bottom and its top.
const GRID: u32 = 2;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;\
    font-size:15px}.s{fill:#59636e}.m{text-anchor:middle}.e{text-anchor:end}\
    .g{stroke:#8b949e;stroke-opacity:.35;fill:none}.b{fill:#8b949e;fill-opacity:.13}\
    .l{fill:none;stroke-width:1.8;stroke-linejoin:round}.d{stroke-dasharray:5 4;stroke-width:1.3}\
    .rss{stroke:#0b66b2}.del{stroke:#0a7d59}.rea{stroke:#a8479a}.lat{stroke:#c2410c}\
    .p50{stroke:#c2410c;stroke-opacity:.5;stroke-width:1.2}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9da7b3}.rss{stroke:#58a6e8}\
    .del{stroke:#3fc79a}.rea{stroke:#e08ad3}.lat,.p50{stroke:#ff9a5c}}";

/// One panel: a figure over time.
struct Panel {
    title: String,
    /// How values become heights, and how they are written.
    scale: Scale,
    curves: Vec<Curve>,
}

struct Curve {
    class: &'static str,
    /// Where the figure is known: seconds and values.
    points: Vec<(f64, f64)>,
}

/// From a value to a height between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// From nothing to the most.
    Linear { most: f64 },
    /// From one power of ten to another.
    Powers { least: i32, most: i32 },
}

impl Scale {
    fn linear(most: f64) -> Self {
        let step = 10f64.powf(most.max(1.0).log10().floor()) / 2.0;
        Scale::Linear { most: (most / step).ceil().max(1.0) * step }
    }

    fn powers(least: f64, most: f64) -> Self {
        let least = least.max(0.01).log10().floor() as i32;
        Scale::Powers { least, most: (most.max(0.01).log10().ceil() as i32).max(least + 1) }
    }

    fn height(self, value: f64) -> f64 {
        match self {
            Scale::Linear { most } => value / most,
            Scale::Powers { least, most } => {
                let part = (value.max(1e-9).log10() - f64::from(least)) / f64::from(most - least);
                part.clamp(0.0, 1.0)
            }
        }
    }

    /// Returns the values at which there are lines.
    fn grid(self) -> Vec<f64> {
        match self {
            Scale::Linear { most } => {
                (0..=GRID).map(|line| most * f64::from(line) / f64::from(GRID)).collect()
            }
            Scale::Powers { least, most } => (least..=most).map(|p| 10f64.powi(p)).collect(),
        }
    }
}

/// Draws a report.
pub(super) fn svg(report: &Report<'_>) -> String {
    let height = TOP + PANELS * (PANEL + PANEL_GAP) + 12.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Memory, deliveries, readers and latency over a load test\">\n\
         <style>{STYLE}</style>\n"
    );
    let (title, rest) = split(&report.headline());
    text(&mut out, (LEFT, 22.0), "t", &title);
    text(&mut out, (LEFT, 40.0), "s", &rest);
    let seconds = report.samples.last().map_or(1.0, |sample| sample.at_s);
    let x = |second: f64| LEFT + second / seconds * (WIDTH - LEFT - RIGHT);
    phases(&mut out, report, seconds, &x, height - 12.0 - PANEL_GAP);
    for (index, panel) in panels(report).iter().enumerate() {
        draw(&mut out, panel, TOP + index as f64 * (PANEL + PANEL_GAP) + PANEL_GAP / 2.0, &x);
    }
    let bottom = TOP + PANELS * (PANEL + PANEL_GAP) - PANEL_GAP / 2.0 + 16.0;
    let step = (seconds / 8.0 / 5.0).ceil() * 5.0;
    let mut at = 0.0;
    while at <= seconds {
        text(&mut out, (x(at), bottom), "s m", &format!("{at} s"));
        at += step;
    }
    out.push_str("</svg>\n");
    out
}

/// Divides the headline after its first comma: it is too long for one line.
fn split(headline: &str) -> (String, String) {
    let (title, rest) = headline.split_once(", ").unwrap_or((headline, ""));
    (title.to_owned(), rest.to_owned())
}

fn panels(report: &Report<'_>) -> Vec<Panel> {
    let samples = &report.samples;
    let points = |of: fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
        samples.iter().filter_map(|sample| Some((sample.at_s, of(sample)?))).collect()
    };
    let most = |points: &[(f64, f64)]| points.iter().map(|point| point.1).fold(0.0, f64::max);
    let flat = &report.flatness;
    let (first, last) =
        (samples.first().map_or(0.0, |s| s.at_s), samples.last().map_or(0.0, |s| s.at_s));
    let bound = flat.bound * flat.steady.rss_bytes / 1e6;
    let rss = points(|sample| Some(sample.rss_bytes / 1e6));
    let deliveries = points(|sample| Some(sample.deliveries_per_second));
    let readers = points(|sample| Some(sample.readers as f64));
    let (p50, p99) = (points(|sample| sample.p50_ms), points(|sample| sample.p99_ms));
    let least = p50.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let curve = |class, points| Curve { class, points };
    vec![
        Panel {
            title: format!(
                "server's resident memory, MB (dashed: at most {bound:.0} MB at the end)"
            ),
            scale: Scale::linear(most(&rss).max(bound)),
            curves: vec![curve("rss", rss), curve("rss d", vec![(first, bound), (last, bound)])],
        },
        Panel {
            title: "deliveries a second".to_owned(),
            scale: Scale::linear(most(&deliveries)),
            curves: vec![curve("del", deliveries)],
        },
        Panel {
            title: "readers with an open stream".to_owned(),
            scale: Scale::linear(most(&readers)),
            curves: vec![curve("rea", readers)],
        },
        Panel {
            title: "latency, ms: p99 (thin: p50)".to_owned(),
            scale: Scale::powers(least.min(1e6), most(&p99)),
            curves: vec![curve("p50", p50), curve("lat", p99)],
        },
    ]
}

/// Draws the phases: a band behind every second one, and a name above each.
fn phases(
    out: &mut String,
    report: &Report<'_>,
    seconds: f64,
    x: &impl Fn(f64) -> f64,
    bottom: f64,
) {
    for (index, phase) in report.plan.phases.all().iter().enumerate() {
        let (from, to) = (phase.from.as_secs_f64(), phase.to.as_secs_f64());
        let is_last = index + 1 == report.plan.phases.all().len();
        let (left, right) = (x(from), x(if is_last { seconds } else { to.min(seconds) }));
        if index % 2 == 1 {
            line(
                out,
                format_args!(
                    "<rect class=\"b\" x=\"{left:.1}\" y=\"{TOP:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    right - left,
                    bottom + PANEL_GAP / 2.0 - TOP
                ),
            );
        }
        text(out, ((left + right) / 2.0, TOP - 8.0), "s m", phase.name.as_str());
    }
}

fn draw(out: &mut String, panel: &Panel, top: f64, x: &impl Fn(f64) -> f64) {
    let y = |value: f64| top + PANEL * (1.0 - panel.scale.height(value));
    text(out, (LEFT + 2.0, top - 6.0), "n", &panel.title);
    for value in panel.scale.grid() {
        let (at, right) = (y(value), WIDTH - RIGHT);
        line(out, format_args!("<path class=\"g\" d=\"M{LEFT} {at:.1}H{right}\"/>"));
        let shown = if value < 1000.0 { format!("{value}") } else { number(value) };
        text(out, (LEFT - 6.0, at + 4.0), "s e", &shown);
    }
    for curve in &panel.curves {
        let points: Vec<_> = curve
            .points
            .iter()
            .map(|(second, value)| format!("{:.1},{:.1}", x(*second), y(*value)))
            .collect();
        let (class, points) = (curve.class, points.join(" "));
        line(out, format_args!("<polyline class=\"l {class}\" points=\"{points}\"/>"));
    }
}

fn text(out: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
}

fn line(out: &mut String, shape: std::fmt::Arguments<'_>) {
    writeln!(out, "{shape}").expect("a string takes everything");
}
