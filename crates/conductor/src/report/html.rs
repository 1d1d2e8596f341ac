//! The record as one page: how it ended, the times, both clocks, plots, and all that the Markdown has.

use std::fmt::Write;

use super::{Report, facts::word, markdown, page, plot, seen, text::escaped};
use crate::{Phase, shown};

const STYLE: &str = include_str!("page.css");

/// Returns the page.
pub(super) fn page(report: &Report<'_>) -> String {
    let title = escaped(&report.material.plan.runbook);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    out.push_str(&hero(report));
    out.push_str(&page::html(&markdown::times(report)));
    out.push_str(&plots(report));
    out.push_str(&page::html(&markdown::turns(report)));
    out.push_str(&page::html(&markdown::body(report)));
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// Returns what is seen first: how the run ended and why, its clocks and what it was.
fn hero(report: &Report<'_>) -> String {
    let facts = &report.facts;
    let class = match facts.phase {
        Phase::Kept => "good",
        Phase::RollingBack | Phase::RollbackFailed => "bad",
        Phase::Hold | Phase::RolledBack | Phase::Aborted => "warn",
        Phase::Draft | Phase::Gates | Phase::Go => "active",
    };
    let (title, word, why) =
        (escaped(&report.material.plan.runbook), word(facts.phase), escaped(&facts.why));
    let rows = markdown::about(report);
    let mut out = format!(
        "<header>\n<p class=\"badge {class}\">{word}</p>\n<h1>{title}</h1>\n\
         <p class=\"why\">{why}</p>\n</header>\n{}",
        tiles(report)
    );
    // The first two are the badge and the sentence.
    let rows = rows.iter().skip(2).map(|[name, value]| format!("| {name} | {value} |\n"));
    let table: String = rows.collect();
    writeln!(
        out,
        "<section class=\"about\">{}</section>",
        page::html(&format!("| | |\n|---|---|\n{table}"))
    )
    .expect("a string takes everything");
    out
}

/// Returns the clocks and the length of the run, in large figures.
fn tiles(report: &Report<'_>) -> String {
    let facts = &report.facts;
    let mut tiles: Vec<(&str, String, String)> = Vec::new();
    if let Some(clocks) = &facts.clocks {
        let promised = report.material.plan.rto_promised_s.map(|it| it.saturating_mul(1000));
        let told = |ms: Option<u64>| ms.map_or("not reached".to_owned(), shown::of_ms);
        let note = promised.map_or("no RTO is promised".to_owned(), |promised| {
            format!("promised: {}", shown::of_ms(promised))
        });
        tiles.push(("No new traffic after", told(clocks.new_traffic_ms), note.clone()));
        tiles.push(("No connection left after", told(clocks.residual_ms), note));
    }
    let last = facts.ended.map_or(facts.last_at, |(at, _)| at);
    tiles.push(("Took", shown::between(facts.begun_at, last), markdown::pace(report)));
    let gates = report.material.plan.gates.iter();
    let passed =
        gates.clone().filter(|gate| facts.verdict(&gate.id).is_some_and(|it| it.is_pass()));
    let (passed, all) = (passed.count(), gates.count());
    tiles.push(("Gates passed", format!("{passed} of {all}"), String::new()));
    let tiles = tiles.into_iter().map(|(name, value, note)| {
        format!("<div><p>{name}</p><strong>{value}</strong><p>{note}</p></div>\n")
    });
    format!("<section class=\"tiles\">\n{}</section>\n", tiles.collect::<String>())
}

fn plots(report: &Report<'_>) -> String {
    let plots = seen::plots(report);
    if plots.is_empty() {
        return "<h2>Over time</h2>\n<p>Nothing was seen over time.</p>\n".to_owned();
    }
    let drawn: String = plots.iter().map(plot::svg).collect();
    format!(
        "<h2>Over time</h2>\n<p class=\"key\">Strips below: <i class=\"pass\"></i> PASS \
         <i class=\"insufficient\"></i> INSUFFICIENT <i class=\"error\"></i> ERROR \
         <i class=\"fail\"></i> FAIL. Times are UTC.</p>\n<section class=\"plots\">\n{drawn}</section>\n"
    )
}
