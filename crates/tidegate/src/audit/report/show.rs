//! The report for people.

use std::fmt::{self, Display, Formatter};

use super::{Latency, ReplicaReport, Report};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.publishing(f)?;
        self.readers(f)?;
        self.findings(f)?;
        self.ledger(f)?;
        self.each_replica(f)?;
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
        )?;
        let Report { publishers, websocket_publishers, .. } = self;
        writeln!(f, "publishers    {publishers}, of which {websocket_publishers} over WebSocket")
    }

    fn readers(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { readers, flaky, slow, reconnects, .. } = self;
        writeln!(f, "readers       {readers}, of which {flaky} flaky and {slow} slow")?;
        let Report { sse, websocket, switches, .. } = self;
        writeln!(
            f,
            "transports    {sse} readers began over SSE, {websocket} over WebSocket; {switches} \
             times one came back over the other"
        )?;
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
        writeln!(f, "latency       {}", self.latency_ms)?;
        writeln!(f, "  SSE         {}", self.latency_sse_ms)?;
        writeln!(f, "  WebSocket   {}", self.latency_websocket_ms)
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

    /// Says what each replica did, where there are several.
    fn each_replica(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.replicas.len() < 2 {
            return Ok(());
        }
        writeln!(f, "moves         {} times a reader came back to another replica", self.moves)?;
        for ReplicaReport { url, streams, requests, last, differs, .. } in &self.replicas {
            let word = if differs.is_none() { "ok" } else { "DIFFERS" };
            let last = last.as_deref().unwrap_or("unknown");
            writeln!(
                f,
                "replica       {url}: {streams} streams, {requests} requests, ledger {word} up to \
                 {last}"
            )?;
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

impl Display for Latency {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Latency { samples, p50, p90, p99, max } = self;
        write!(
            f,
            "p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {max:.1} ms ({samples} samples)"
        )
    }
}
