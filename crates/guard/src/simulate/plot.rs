//! A study as a drawing: how soon worse releases are seen, a panel for each ratio. Pure.
//!
//! Written by hand, with colours that a style sheet changes for a dark background.

use std::fmt::Write;

use super::{Row, Scenario, Study, WORSE};
use crate::ShortNumber;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 62.0;
const PANEL: f64 = 150.0;
const PANEL_GAP: f64 = 62.0;

/// Colours that differ for most eyes, on white and on black (Okabe and Ito).
const COLOURS: &[&str] = &["#56b4e9", "#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7"];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;\
    font-size:15px}.s{fill:#59636e}.m{text-anchor:middle}.e{text-anchor:end}\
    .g{stroke:#8b949e;stroke-opacity:.35;fill:none}.l{fill:none;stroke-width:2;\
    stroke-linejoin:round}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9da7b3}}";

pub(super) fn svg(study: &Study) -> String {
    let height = TOP + WORSE.len() as f64 * (PANEL + PANEL_GAP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"How soon worse releases are seen\">\n<style>{STYLE}</style>\n"
    );
    let traffic = &study.plan.traffic;
    text(&mut out, (LEFT, 22.0), "t", "How soon a worse release is seen");
    let about = format!(
        "share seen by the guard; {:.0} % canary of {} clients, {} % errors, alpha {}, {} runs",
        traffic.share * 100.0,
        traffic.clients,
        ShortNumber(traffic.error_ratio * 100.0),
        ShortNumber(study.plan.alpha.get()),
        study.plan.runs
    );
    text(&mut out, (LEFT, 40.0), "s", &about);
    for (index, ratio) in WORSE.into_iter().enumerate() {
        let rows = study
            .worse
            .iter()
            .filter(|row| row.scenario == Scenario::Worse { ratio, from_s: 0 })
            .collect::<Vec<_>>();
        let top = TOP + index as f64 * (PANEL + PANEL_GAP) + 18.0;
        text(&mut out, (LEFT, top - 8.0), "n", &format!("{ratio} times the errors"));
        panel(&mut out, &rows, traffic.seconds.into(), top);
    }
    out.push_str("</svg>\n");
    out
}

fn panel(out: &mut String, rows: &[&Row], seconds: f64, top: f64) {
    let right = WIDTH - RIGHT;
    let x = |second: f64| LEFT + second / seconds * (right - LEFT);
    let y = |share: f64| top + PANEL * (1.0 - share);
    for share in [0.0, 0.5, 1.0] {
        line(out, format_args!("<path class=\"g\" d=\"M{LEFT} {:.1}H{right}\"/>", y(share)));
        text(out, (LEFT - 8.0, y(share) + 4.0), "s e", &format!("{:.0} %", share * 100.0));
    }
    for part in 0..=6 {
        let second = seconds * f64::from(part) / 6.0;
        text(out, (x(second), top + PANEL + 18.0), "s m", &format!("{second:.0} s"));
    }
    for (index, row) in rows.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let step = seconds / row.curve.len().max(1) as f64;
        let mut points = format!("{:.1},{:.1}", x(0.0), y(0.0));
        for (at, share) in row.curve.iter().enumerate() {
            let place = (x((at + 1) as f64 * step), y(*share));
            write!(points, " {:.1},{:.1}", place.0, place.1).expect("a string takes everything");
        }
        line(out, format_args!("<polyline class=\"l\" stroke=\"{colour}\" points=\"{points}\"/>"));
        let at = top + 14.0 + index as f64 * 18.0;
        let bar = (right + 14.0, at - 9.0);
        line(
            out,
            format_args!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"10\" fill=\"{colour}\"/>",
                bar.0, bar.1
            ),
        );
        text(out, (right + 32.0, at), "n", &format!("{}/s", row.requests_per_second));
    }
}

fn text(out: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
}

fn line(out: &mut String, shape: std::fmt::Arguments<'_>) {
    writeln!(out, "{shape}").expect("a string takes everything");
}
