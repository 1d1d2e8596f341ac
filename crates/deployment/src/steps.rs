//! How each kind of step is carried out and read back: one file for each.

mod capture;
mod certificate;
mod check;
mod cleanup;
mod command;
mod compare;
mod endpoint;
mod external;
mod fanout;
mod flag;
mod http_expect;
mod notify;
mod read_back;
mod replay;
mod share;
mod sse_expect;
mod synthetic;
mod withdrawal;

use conductor::{Artefact, Done, Work};
use guard::Verdict;
use runbook::Kind;
use serde::Serialize;
use tokio::time::Instant;

use crate::{Artefacts, Deployment};

impl Deployment {
    pub(crate) async fn step(&self, work: &Work) -> Done {
        let until = Instant::now() + work.within;
        if let Some(name) = self.certificate_asked(&work.step) {
            return self.certificate(work, name, until).await;
        }
        match work.step.kind {
            Kind::Command => self.command(work, until).await,
            Kind::Flag => self.flag(work, until).await,
            Kind::HttpExpect => self.http_expect(work, until).await,
            Kind::SseExpect => self.sse_expect(work, until).await,
            Kind::FanoutCheck => self.fanout_check(work, until).await,
            Kind::ReplayCheck => self.replay_check(work, until).await,
            Kind::Traffic => self.give_traffic(work, until).await,
            Kind::Capture => self.capture(work, until).await,
            Kind::Compare => self.compare(work, until).await,
            Kind::External => self.external_action(work, until).await,
            Kind::Notify => self.notify_step(work, until).await,
            Kind::Cleanup => self.cleanup(work, until).await,
            Kind::Guard | Kind::SignOff | Kind::Decision | Kind::Repeat => error(format!(
                "A step of the kind `{}` is nothing that is carried out here.",
                work.step.kind
            )),
        }
    }
}

fn done(verdict: Verdict, text: impl Into<String>) -> Done {
    Done { verdict, text: text.into(), artefacts: Artefacts::new() }
}

fn pass(text: impl Into<String>) -> Done {
    done(Verdict::Pass, text)
}

fn fail(text: impl Into<String>) -> Done {
    done(Verdict::Fail, text)
}

fn error(text: impl Into<String>) -> Done {
    done(Verdict::Error, text)
}

fn insufficient(text: impl Into<String>) -> Done {
    done(Verdict::Insufficient, text)
}

/// Adds what a step left behind.
fn with(mut done: Done, artefacts: Artefacts) -> Done {
    done.artefacts.extend(artefacts);
    done
}

/// Returns a document that a step leaves behind.
fn document<T: Serialize>(name: &str, content: &T) -> Artefact {
    let bytes = serde_json::to_vec_pretty(content);
    // Plain data: a failure is one of memory or of a map's keys, of which there are none.
    let bytes = bytes.unwrap_or_else(|error| error.to_string().into_bytes());
    Artefact { name: name.to_owned(), bytes }
}
