//! Guardrail statistics: whether a canary is worse than the stable arm, judged at every look without
//! false alarms from looking often.
//!
//! Owns: the e-process and its burst scan over errors with measured exposure, capped clients, the
//! comparison of paired measurements, hard limits, what a guard can detect, and the simulation that
//! shows all of this for a given traffic. The formulas and their sources are in `docs/guards.md`.
//! Must not know: where numbers come from, files, sockets, clocks. All of it is plain data and pure
//! functions; times are given.

mod arms;
mod clients;
mod eprocess;
mod limits;
mod noninferiority;
mod outlook;
mod pairs;
mod pool;
mod power;
mod ratio;
mod reading;
mod seen;
mod settings;
mod share;
pub mod simulate;
mod verdict;

pub use self::{
    arms::{Arm, Counts, CountsError, Look},
    clients::{ClientCounts, ClientLook},
    eprocess::{EProcess, RATIOS},
    limits::{DownLimit, RestartLimit, ZeroLimit},
    outlook::{Outlook, OutlookClients},
    pairs::{PairGuard, PairSettings},
    power::{DETECTION_POWER, detectable_rate, detection_power, passing_power},
    ratio::{RatioGuard, RatioSettings},
    reading::{Counter, LookCounter, LookError, Reading, ReadingError},
    settings::{AGAIN_AFTER_MS, Alpha, EXPOSURE_MIN, Effect, Exposed, SettingsError},
    share::{Share, ShareError, ShortNumber},
    verdict::{At, Judgement, LeftOut, LeftOutOfArm, Verdict, Window},
};
