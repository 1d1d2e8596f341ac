//! The server under test, and what is asked of it.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{client, client::Client, made::CHAIN, made::Made, refused};
use crate::{
    error::BenchError,
    process::{CpuMeter, Daemon, Memory},
    server::free_address,
    stop::Stop,
};

/// How long the server may take until it answers; it takes up its log before.
const START_TIME_MAX: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The metric of records that were lost, for each reason.
const DROPS: &str = "tidegate_ingest_drops_total{";

/// How a server is to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplicaPlan<'a> {
    /// The program; this one where there is none.
    pub(super) program: Option<&'a Path>,
    /// The recorded feed.
    pub(super) feed: &'a Path,
    pub(super) events_held_max: u64,
    /// What it computes of the feed: `features`, or `off` where nothing may be added to the log.
    pub(super) analysis: &'static str,
    /// Where its log is.
    pub(super) state: &'a Path,
}

/// A server that replays a feed; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Replica {
    daemon: Daemon,
    at: SocketAddr,
    /// When it was started.
    pub(super) began: Instant,
    pub(super) client: Client,
    pub(super) cpu: CpuMeter,
}

impl Replica {
    /// Starts it; it may not answer yet.
    ///
    /// # Errors
    /// Fails where the program can't be started.
    pub(super) fn start(plan: &ReplicaPlan<'_>) -> Result<Self, BenchError> {
        let at = free_address()?;
        let own = std::env::current_exe();
        let own = own.map_err(BenchError::machine("this program can't be found"))?;
        let program = plan.program.unwrap_or(&own);
        let mut command = Command::new(program);
        // `viz-api` is the server alone; every other program of ours has it as a command.
        if program.file_name() != Some(OsStr::new("viz-api")) {
            command.arg("serve");
        }
        let text = |text: &str| text.to_owned();
        let path = |path: &Path| path.to_string_lossy().into_owned();
        command.env_clear().current_dir(plan.state).envs([
            ("VIZ_API_BIND", at.to_string()),
            ("REALTIME_STATE_DIR", path(&plan.state.join("state"))),
            ("TIDEGATE_KEYS", client::keys()),
            ("TIDEGATE_LOG", text("warn")),
            ("VIZ_API_INGEST_MODE", text("replay")),
            ("VIZ_API_REPLAY_SPEED", text("max")),
            ("VIZ_API_REPLAY_FILE", path(plan.feed)),
            ("VIZ_API_EVENTS_HELD_MAX", plan.events_held_max.to_string()),
            ("VIZ_API_ANALYSIS", text(plan.analysis)),
        ]);
        let began = Instant::now();
        let doing = format!("{} can't be started", program.display());
        let daemon = Daemon::start(command, plan.state).map_err(BenchError::machine(doing))?;
        let cpu = CpuMeter::start(&[daemon.pid()]);
        Ok(Replica { daemon, at, began, client: Client::new(at), cpu })
    }

    /// Returns where it listens.
    pub(super) fn at(&self) -> SocketAddr {
        self.at
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// Fails where it ends, or is silent for too long.
    pub(super) fn wait(&mut self, stop: &Stop) -> Result<(), BenchError> {
        loop {
            let answered = match self.client.ask("/chains") {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => answer.refusal().unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            stop.check()?;
            if self.daemon.is_gone() || self.began.elapsed() >= START_TIME_MAX {
                let what = format!("does not serve ({answered}): {}", self.daemon.log_end());
                return Err(BenchError::Unreachable { server: "the server".to_owned(), what });
            }
            stop.wait(LOOK_EVERY);
        }
    }

    /// Returns how many transactions are served as included.
    ///
    /// # Errors
    /// Fails where it does not say so.
    pub(super) fn included(&mut self) -> Result<u64, BenchError> {
        let chain = self.client.document(&format!("/chains/{CHAIN}"))?;
        // Before the first block nothing is known of it.
        Ok(chain["canonical"]["counts"]["included"].as_u64().unwrap_or(0))
    }

    /// Checks that all of a feed is served: every transaction was seen and included once, and the
    /// last one can be read.
    ///
    /// # Errors
    /// Fails where it is not.
    pub(super) fn check(&mut self, made: &Made) -> Result<(), BenchError> {
        let last = self.client.document(&format!("/transactions/{}", made.last))?;
        if last["lifecycle_status"] != "included" {
            return Err(refused(format!("serves the last transaction as {last}")));
        }
        let chain = self.client.document(&format!("/chains/{CHAIN}"))?;
        let counts = &chain["canonical"]["counts"];
        let all = Some(made.transactions);
        if counts["seen"].as_u64() != all || counts["included"].as_u64() != all {
            return Err(refused(format!("serves {counts} of {} transactions", made.transactions)));
        }
        Ok(())
    }

    /// Returns the number of the last record that is served.
    ///
    /// # Errors
    /// Fails where it does not say so.
    pub(super) fn latest(&mut self) -> Result<u64, BenchError> {
        let snapshot = self.client.document("/dashboard/snapshot?tx_limit=1")?;
        let latest = snapshot["latest_seq_id"].as_u64();
        latest.ok_or_else(|| refused("does not say in /dashboard/snapshot what the last record is"))
    }

    /// Returns how many events can be read, where that is more than a page.
    ///
    /// # Errors
    /// Fails where it does not say so.
    pub(super) fn held(&mut self) -> Result<u64, BenchError> {
        let page = self.client.document("/events?limit=1")?;
        // The first page begins with the oldest that is held, whose cursor is the next one's.
        Ok((self.latest()? + 1).saturating_sub(page["next"].as_u64().unwrap_or(u64::MAX)))
    }

    /// Returns how many records were lost.
    ///
    /// # Errors
    /// Fails where it does not say so.
    pub(super) fn dropped(&mut self) -> Result<u64, BenchError> {
        let text = self.client.get("/metrics")?.unwrap_or_default();
        let dropped = drops(&String::from_utf8_lossy(&text));
        dropped.ok_or_else(|| refused("has no count of lost records in /metrics"))
    }

    /// Returns what it holds, in megabytes, with what is shared counted by its share.
    pub(super) fn memory_mb(&self) -> f64 {
        Memory::of(&[self.daemon.pid()]).pss as f64 / 1e6
    }

    /// Kills it, so that it can save nothing, and waits until it is gone.
    pub(super) fn kill(self) {
        self.daemon.kill();
    }
}

/// Returns the sum over all reasons; none where no reason is there.
fn drops(metrics: &str) -> Option<u64> {
    let lines = metrics.lines().filter(|line| line.starts_with(DROPS));
    let counts = lines.map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    let counts: Vec<u64> = counts.collect::<Option<_>>()?;
    (!counts.is_empty()).then(|| counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_records_are_summed_over_reasons() {
        let metrics = "# TYPE tidegate_ingest_drops counter\n\
            tidegate_ingest_drops_total{reason=\"storage_queue_full\"} 2\n\
            tidegate_ingest_drops_total{reason=\"observations_full\"} 3\n\
            tidegate_journal_bytes 9\n";
        assert_eq!(drops(metrics), Some(5));
        assert_eq!(drops("tidegate_journal_bytes 9\n"), None, "silence is no zero");
        assert_eq!(drops("tidegate_ingest_drops_total{reason=\"x\"} many\n"), None);
    }
}
