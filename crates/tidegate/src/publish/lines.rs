//! Publishes what comes on standard input, a JSON document a line, in lists.

mod lists;

use std::{io::IsTerminal, time::Duration};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};

use self::lists::{Lists, Then};
use super::{send, shown};
use crate::{
    cli::Style,
    client::{Api, Receipt},
    console,
    exit::Exit,
    failure::Failure,
};

/// Publishes all lines; what was acknowledged before a failure stays published.
///
/// # Errors
/// Fails at the first line that is no event, once all before it are published, and where the
/// server does not take a list.
pub(super) async fn run(api: &Api, style: Style) -> Result<Exit, Failure> {
    let mut printer = Printer { style, bar: progress(), published: 0, prints: true };
    let run = format!("lines-{:032x}", rand::random::<u128>());
    let mut lists = Lists::of_standard_input();
    let mut then = Then::More;
    for number in 0.. {
        let list = lists.next().await;
        if !list.events.is_empty() {
            let body = Bytes::from(format!("[{}]", list.events.join(",")));
            // A key of our own: a list whose answer was lost can be sent again.
            let receipts = send(api, body, Some(&format!("{run}-{number}"))).await?;
            printer.print(&receipts);
        }
        then = list.then;
        if !matches!(then, Then::More) {
            break;
        }
    }
    printer.bar.finish_and_clear();
    console::note(&format!("{} events published", printer.published));
    match then {
        Then::Failed(failure) => Err(failure),
        Then::More | Then::End => Ok(Exit::Done),
    }
}

struct Printer {
    style: Style,
    bar: ProgressBar,
    published: usize,
    /// Whether receipts can still be printed.
    prints: bool,
}

impl Printer {
    fn print(&mut self, receipts: &[Receipt]) {
        self.published += receipts.len();
        for receipt in receipts {
            let line = shown(receipt, self.style);
            // Whoever closed the output still wants the events published.
            if self.prints && self.bar.suspend(|| console::say(&line)).is_err() {
                self.prints = false;
                console::note("nothing can be printed any more; publishing goes on");
            }
        }
        self.bar.inc(receipts.len() as u64);
    }
}

fn progress() -> ProgressBar {
    // With the receipts on the same terminal a bar would only flicker.
    if !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} events published, {per_sec}");
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}
