//! Plots of values over time as SVG inside a page, whose style sheet colours them. Pure.

use std::fmt::Write;

use guard::Verdict;
use jiff::{SignedDuration, Timestamp};

use super::{seen::Point, text::escaped};
use crate::shown;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 48.0;
const PANEL: f64 = 130.0;
const HEIGHT: f64 = TOP + PANEL + 34.0;

/// The height of the strip with the verdicts, below the panel.
const STRIP: f64 = 6.0;

/// How wide a letter of a mark's name is taken to be.
const LETTER: f64 = 6.6;

/// How many lines a panel has above its bottom.
const GRID: u32 = 2;

/// A line.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) name: &'static str,
    class: &'static str,
    points: Vec<Point>,
}

/// A stretch with one verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) verdict: Verdict,
}

/// A time that something happened at.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) name: String,
}

/// Values over time, which is in seconds after its beginning.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) unit: String,
    pub(super) from: Timestamp,
    pub(super) until: f64,
    pub(super) marks: Vec<Mark>,
    pub(super) curves: Vec<Curve>,
    pub(super) bands: Vec<Band>,
}

impl Curve {
    pub(super) fn new(name: &'static str, class: &'static str, points: Vec<Point>) -> Self {
        Curve { name, class, points }
    }

    /// Returns the stretches without a gap.
    fn stretches(&self) -> Vec<Vec<(f64, f64)>> {
        let mut out = vec![Vec::new()];
        for (at, value) in &self.points {
            match (value.filter(|value| value.is_finite()), out.last_mut()) {
                (Some(value), Some(last)) => last.push((*at, value)),
                _ => out.push(Vec::new()),
            }
        }
        out.retain(|stretch| !stretch.is_empty());
        out
    }
}

/// Draws a plot.
pub(super) fn svg(plot: &Plot) -> String {
    let title = escaped(&plot.title);
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title} over time\">\n"
    );
    let x = |at: f64| LEFT + at / plot.until * (WIDTH - LEFT - RIGHT);
    let values = plot.curves.iter().flat_map(|curve| &curve.points);
    let values = values.filter_map(|(_, value)| value.filter(|value| value.is_finite()));
    let most = nice(values.fold(0.0, f64::max) * 1.05);
    let y = |value: f64| TOP + PANEL * (1.0 - (value / most).clamp(0.0, 1.0));
    heading(&mut out, plot);
    for line in 0..=GRID {
        let value = most * f64::from(line) / f64::from(GRID);
        let (at, right) = (y(value), WIDTH - RIGHT);
        put(&mut out, format_args!("<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>"));
        text(&mut out, (LEFT - 6.0, at + 4.0), "faint end", &shown::number(value));
    }
    bands(&mut out, plot, &x);
    marks(&mut out, plot, &x);
    for curve in &plot.curves {
        for stretch in curve.stretches() {
            let class = curve.class;
            let points: Vec<_> = stretch
                .iter()
                .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                .collect();
            if let [(at, value)] = stretch.as_slice() {
                let (x, y) = (x(*at), y(*value));
                put(
                    &mut out,
                    format_args!(
                        "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>"
                    ),
                );
                continue;
            }
            let points = points.join(" ");
            put(&mut out, format_args!("<polyline class=\"line {class}\" points=\"{points}\"/>"));
        }
    }
    times(&mut out, plot, &x);
    out.push_str("</svg>\n");
    out
}

/// Returns a round number that is not less.
fn nice(most: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|it| *it >= most).unwrap_or(most)
}

/// Writes the title, and what each line is.
fn heading(out: &mut String, plot: &Plot) {
    let unit = if plot.unit.is_empty() { String::new() } else { format!(" ({})", plot.unit) };
    text(out, (LEFT, 16.0), "title", &format!("{}{unit}", plot.title));
    let mut at = WIDTH - RIGHT;
    for curve in plot.curves.iter().filter(|curve| !curve.stretches().is_empty()).rev() {
        at -= curve.name.len() as f64 * LETTER + 6.0;
        text(out, (at, 16.0), "faint", curve.name);
        let (class, from, to) = (curve.class, at - 22.0, at - 5.0);
        put(out, format_args!("<path class=\"line {class}\" d=\"M{from:.1} 12H{to:.1}\"/>"));
        at -= 34.0;
    }
}

/// Draws the strip with the verdicts.
fn bands(out: &mut String, plot: &Plot, x: &impl Fn(f64) -> f64) {
    for band in &plot.bands {
        let (left, top) = (x(band.from), TOP + PANEL + 2.0);
        let width = (x(band.until) - left).max(1.0);
        let class = band.verdict.to_string().to_lowercase();
        put(
            out,
            format_args!(
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" \
                 height=\"{STRIP}\"><title>{}</title></rect>",
                band.verdict
            ),
        );
    }
}

/// Draws what happened; names that would touch stand on two lines.
fn marks(out: &mut String, plot: &Plot, x: &impl Fn(f64) -> f64) {
    let mut ends = [f64::MIN; 2];
    for mark in &plot.marks {
        let at = x(mark.at);
        put(out, format_args!("<path class=\"mark\" d=\"M{at:.1} {TOP}V{:.1}\"/>", TOP + PANEL));
        let length = mark.name.len() as f64 * LETTER;
        let is_last = at + length > WIDTH - RIGHT;
        let left = if is_last { at - length } else { at };
        // Where neither line has room the mark has no name; the table of phases has it.
        if let Some(row) = ends.iter().position(|end| *end < left) {
            let anchor = if is_last { "name end" } else { "name" };
            text(out, (at, TOP - 4.0 - 12.0 * row as f64), anchor, &mark.name);
            ends[row] = left + length + 4.0;
        }
    }
}

/// Writes the times below.
fn times(out: &mut String, plot: &Plot, x: &impl Fn(f64) -> f64) {
    for part in 0..=6 {
        let at = plot.until * f64::from(part) / 6.0;
        let time = plot.from.saturating_add(SignedDuration::from_secs_f64(at));
        let anchor = match part {
            0 => "faint",
            6 => "faint end",
            _ => "faint middle",
        };
        let time = time.map(shown::clock).unwrap_or_default();
        text(out, (x(at), HEIGHT - 8.0), anchor, &time);
    }
}

fn text(out: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let text = escaped(text);
    put(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
}

fn put(out: &mut String, shape: std::fmt::Arguments<'_>) {
    writeln!(out, "{shape}").expect("a string takes everything");
}
