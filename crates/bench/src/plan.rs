//! What a run does, from its arguments: checked, and with every default filled in. Pure.

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::{
    args::{
        BenchCommand, ChurnWork, CommonArgs, FanoutWork, IdleWork, PublishWork, Rate, ReplayWork,
        ServerName, Transport, WorkName,
    },
    error::BenchError,
    payload::Payloads,
    server::Setup,
};

/// Events that are published before anything is measured, to each stream.
pub(crate) const WARM_UP_EVENTS: u64 = 2;

/// How many events one request has where readers are to come back for them.
pub(crate) const REPLAY_LIST: usize = 500;

/// At a steady rate a reader that is so many seconds behind is still served.
const SECONDS_KEPT: u64 = 20;

/// Open files of this process beside its readers.
const FILES_BESIDE: u64 = 200;

/// What is measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "work")]
pub(crate) enum Work {
    Fanout(FanoutWork),
    Idle(IdleWork),
    Replay(ReplayWork),
    Publish(PublishWork),
    Churn(ChurnWork),
}

/// What a run does.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    #[serde(flatten)]
    pub(crate) work: Work,
    #[serde(flatten)]
    pub(crate) common: CommonArgs,
    #[serde(skip)]
    pub(crate) cores: usize,
}

impl Work {
    /// Returns which it is.
    pub(crate) fn name(&self) -> WorkName {
        match self {
            Work::Fanout(_) => WorkName::Fanout,
            Work::Idle(_) => WorkName::Idle,
            Work::Replay(_) => WorkName::Replay,
            Work::Publish(_) => WorkName::Publish,
            Work::Churn(_) => WorkName::Churn,
        }
    }

    /// Returns how many connections it has open at one time.
    pub(crate) fn connections(&self) -> u32 {
        match self {
            Work::Fanout(work) => work.readers,
            Work::Idle(work) => work.readers,
            Work::Replay(work) => work.readers,
            Work::Publish(work) => work.connections(),
            Work::Churn(work) => work.at_once,
        }
    }

    /// Returns about how many seconds one measurement takes.
    pub(crate) fn seconds(&self) -> u64 {
        match self {
            Work::Fanout(work) => work.seconds.into(),
            Work::Idle(work) => work.seconds.into(),
            Work::Replay(_) => 1,
            Work::Publish(work) => work.seconds.into(),
            Work::Churn(work) => work.seconds.into(),
        }
    }
}

impl PublishWork {
    /// Returns how many connections publish.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.unwrap_or(if self.list == 1 { 64 } else { 2 })
    }
}

impl Plan {
    /// Reads the arguments; `cores` is how many the machine has.
    ///
    /// # Errors
    /// Fails where they make no sense together.
    pub(crate) fn of(command: BenchCommand, cores: usize) -> Result<Self, BenchError> {
        let (work, common) = match command {
            BenchCommand::Fanout(order) => (Work::Fanout(order.work), order.common),
            BenchCommand::Idle(order) => (Work::Idle(order.work), order.common),
            BenchCommand::Replay(order) => (Work::Replay(order.work), order.common),
            BenchCommand::Publish(order) => (Work::Publish(order.work), order.common),
            BenchCommand::Churn(order) => (Work::Churn(order.work), order.common),
            BenchCommand::Soak(_)
            | BenchCommand::Chat(_)
            | BenchCommand::Ingest(_)
            | BenchCommand::Snapshot(_)
            | BenchCommand::Recover(_)
            | BenchCommand::Guards(_)
            | BenchCommand::Evidence(_)
            | BenchCommand::Runbooks(_)
            | BenchCommand::Journal(_)
            | BenchCommand::Analysis(_)
            | BenchCommand::FloorServer(_) => {
                return Err(BenchError::Usage("that is no measurement of several".to_owned()));
            }
        };
        let plan = Plan { work, common, cores };
        plan.check().map_err(BenchError::Usage)?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        let servers = &self.common.server;
        let is_custom = servers.contains(&ServerName::Custom);
        if is_custom != self.common.custom.is_some() {
            return Err("the server `custom` and --custom FILE need each other".to_owned());
        }
        if let Some(twice) = (1..servers.len()).find(|at| servers[..*at].contains(&servers[*at])) {
            return Err(format!("{:?} is named twice", servers[twice]));
        }
        match &self.work {
            Work::Fanout(work) if work.readers < work.streams => {
                Err("each stream needs a reader: --readers is less than --streams".to_owned())
            }
            Work::Fanout(work) if work.list > work.window && work.rate == Rate::Max => {
                Err("a list must fit into the window: --list is more than --window".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Returns how many threads readers run on.
    pub(crate) fn threads(&self) -> usize {
        self.common.threads.map_or(self.cores, usize::from)
    }

    /// Returns how many streams there are.
    pub(crate) fn streams(&self) -> u32 {
        match &self.work {
            Work::Fanout(work) => work.streams,
            _ => 1,
        }
    }

    /// Returns how many open files the generator needs.
    pub(crate) fn files(&self) -> u64 {
        u64::from(self.work.connections()) + FILES_BESIDE
    }

    /// Returns what a server is configured for.
    pub(crate) fn setup(&self, payloads: Payloads) -> Setup {
        let (kept, back, list) = match &self.work {
            Work::Fanout(work) => (events_kept(work), 0, work.list),
            Work::Replay(work) => {
                (2 * u64::from(work.events), work.events.into(), REPLAY_LIST as u32)
            }
            Work::Publish(work) => (0, 0, work.list),
            Work::Idle(_) | Work::Churn(_) => (0, 0, 1),
        };
        Setup {
            transport: self.common.transport,
            payloads,
            streams: self.streams(),
            connections: self.work.connections(),
            events_kept: kept.max(1000),
            events_back: back,
            list_max: list as usize,
            cores: self.cores,
            limits: None,
        }
    }

    /// Returns whether readers speak WebSocket.
    pub(crate) fn is_ws(&self) -> bool {
        self.common.transport == Transport::Ws
    }
}

/// Returns how many events of a stream must be kept, so that what is measured is not the loss.
fn events_kept(work: &FanoutWork) -> u64 {
    match work.rate {
        Rate::Max => 2 * u64::from(work.window) + u64::from(work.list),
        Rate::PerSecond(rate) => u64::from(rate.div_ceil(work.streams)) * SECONDS_KEPT,
    }
}
