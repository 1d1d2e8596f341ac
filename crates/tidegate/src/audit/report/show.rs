//! The report for people.

use std::fmt::{self, Display, Formatter};

use super::Report;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.publishing(f)?;
        self.readers(f)?;
        self.findings(f)?;
        self.ledger(f)?;
        self.verdict(f)
    }
}

impl Report {
    fn publishing(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { run, seed, seconds, acknowledged, requests, .. } = self;
        let urls = self.urls.join(", ");
        writeln!(f, "audit {run} of {urls} in {seconds:.1} s, seed {seed}")?;
        let Report { retried, refused, unanswered, .. } = self;
        writeln!(
            f,
            "published     {acknowledged} acknowledged in {requests} requests, {retried} sent \
             again, {refused} refused, {unanswered} without an answer"
        )
    }

    fn readers(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { readers, flaky, slow, reconnects, .. } = self;
        writeln!(f, "readers       {readers}, of which {flaky} flaky and {slow} slow")?;
        let Report { dropped_by_reader, goodbyes, lag_closes, broken, .. } = self;
        writeln!(
            f,
            "reconnects    {reconnects}: {dropped_by_reader} own, {goodbyes} after goodbye, \
             {lag_closes} closed for lag, {broken} broken"
        )
    }

    fn findings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { delivered, logged, foreign, .. } = self;
        writeln!(f, "delivered     {delivered}: {logged} events, {foreign} of them foreign")?;
        let Report { lost, repeated, reordered, altered, .. } = self;
        writeln!(
            f,
            "found         {lost} lost, {repeated} repeated, {reordered} reordered, {altered} \
             altered"
        )?;
        let gaps: Vec<_> = self.gaps.iter().map(|(why, count)| format!("{count} {why}")).collect();
        let gaps = if gaps.is_empty() { "0".to_owned() } else { gaps.join(", ") };
        writeln!(f, "gaps          {gaps} ({} events in them)", self.told_missing)?;
        let at = self.latency_ms;
        writeln!(
            f,
            "latency       p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms ({} samples)",
            at.p50, at.p90, at.p99, at.max, at.samples
        )
    }

    fn ledger(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.ledger.ok { "ok" } else { "DIFFERS" };
        let (after, last, hash) = (&self.ledger.after, &self.ledger.last, &self.ledger.hash);
        writeln!(f, "ledger        {word}: after {after} up to {last}, hash {hash}")?;
        for complaint in &self.complaints {
            writeln!(f, "said          {complaint}")?;
        }
        Ok(())
    }

    fn verdict(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.problems() {
            problems if problems.is_empty() => write!(f, "PASSED"),
            problems => write!(f, "FAILED: {}", problems.join("; ")),
        }
    }
}
