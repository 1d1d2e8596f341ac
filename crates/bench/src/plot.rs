//! The result as a drawing: bars of the main figure, and how times are distributed. Pure.
//!
//! Written by hand, with colours that a style sheet changes for a dark background: small enough to be
//! read in a diff.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::{report::number, sample::quantile_ms};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 40.0;
const BAR: f64 = 26.0;
const BAR_GAP: f64 = 12.0;
const TOP: f64 = 64.0;
const CURVES: f64 = 260.0;

/// Colours that differ for most eyes, on white and on black (Okabe and Ito).
const COLOURS: &[&str] = &["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"];

/// Points of a curve: shares of all that took no longer.
const SHARES: &[f64] = &[
    0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999,
    1.0,
];

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:15px}\
    .a{stroke:#999;fill:none}.c{fill:none;stroke-width:2.5}.s{fill:#666;font-size:12px}\
    @media(prefers-color-scheme:dark){text{fill:#e8e8e8}.s{fill:#aaa}.a{stroke:#666}}";

/// What is drawn: a bar and a curve for each of several, in one order and in the same colours.
#[derive(Debug)]
pub(crate) struct Drawing {
    pub(crate) title: String,
    /// What bars are measured in.
    pub(crate) unit: String,
    pub(crate) bars: Vec<(String, f64)>,
    /// What times are those of.
    pub(crate) times_name: String,
    pub(crate) times_us: Vec<Histogram<u64>>,
}

/// Draws it.
pub(crate) fn svg(drawing: &Drawing) -> String {
    let bars = drawing.bars.len() as f64 * (BAR + BAR_GAP);
    let curves_at = TOP + bars + 50.0;
    let height = curves_at + CURVES + 60.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <style>{STYLE}</style>\n"
    );
    text(&mut out, (20.0, 24.0), "t", &drawing.title);
    draw_bars(&mut out, drawing);
    draw_curves(&mut out, drawing, curves_at);
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
}

fn line(out: &mut String, shape: std::fmt::Arguments<'_>) {
    writeln!(out, "{shape}").expect("a string takes everything");
}

fn draw_bars(out: &mut String, drawing: &Drawing) {
    text(out, (20.0, TOP - 12.0), "s", &drawing.unit);
    let most = drawing.bars.iter().map(|(_, value)| *value).fold(1e-9, f64::max);
    for (index, (name, value)) in drawing.bars.iter().enumerate() {
        let y = TOP + index as f64 * (BAR + BAR_GAP);
        let width = value / most * (WIDTH - LEFT - RIGHT - 90.0);
        let colour = COLOURS[index % COLOURS.len()];
        text(out, (20.0, y + 18.0), "n", name);
        line(
            out,
            format_args!(
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"3\" fill=\"{colour}\"/>"
            ),
        );
        text(out, (LEFT + width + 8.0, y + 18.0), "n", &number(*value));
    }
}

fn draw_curves(out: &mut String, drawing: &Drawing, top: f64) {
    let times = &drawing.times_us;
    let seen = || times.iter().filter(|times| !times.is_empty());
    let least = seen().map(|times| quantile_ms(times, SHARES[0])).fold(f64::MAX, f64::min);
    let most = seen().map(|times| quantile_ms(times, 1.0)).fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    let (from, to) = (least.max(0.001).log10().floor(), most.log10().ceil());
    let x = |ms: f64| {
        let share = (ms.max(0.001).log10() - from) / (to - from).max(1.0);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    };
    let y = |share: f64| top + CURVES * (1.0 - share);
    text(
        out,
        (20.0, top - 12.0),
        "s",
        &format!("share of all, by time {} (ms)", drawing.times_name),
    );
    for share in [0.0, 0.5, 0.9, 1.0] {
        let (left, right, at) = (LEFT, WIDTH - RIGHT, y(share));
        line(out, format_args!("<path class=\"a\" d=\"M{left} {at:.1}H{right}\"/>"));
        text(out, (LEFT - 50.0, at + 4.0), "s", &format!("{:.0} %", share * 100.0));
    }
    for power in from as i32..=to as i32 {
        let ms = 10f64.powi(power);
        let bottom = top + CURVES;
        line(out, format_args!("<path class=\"a\" d=\"M{:.1} {top:.1}V{bottom:.1}\"/>", x(ms)));
        text(out, (x(ms) - 10.0, bottom + 20.0), "s", &format!("{ms}"));
    }
    for (index, times) in times.iter().enumerate().filter(|(_, times)| !times.is_empty()) {
        let points: Vec<_> = SHARES
            .iter()
            .map(|share| format!("{:.1},{:.1}", x(quantile_ms(times, *share)), y(*share)))
            .collect();
        let (points, colour) = (points.join(" "), COLOURS[index % COLOURS.len()]);
        line(out, format_args!("<polyline class=\"c\" stroke=\"{colour}\" points=\"{points}\"/>"));
    }
}
