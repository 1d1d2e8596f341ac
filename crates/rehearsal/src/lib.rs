//! Rehearsals: a whole deployment on one machine, a load on it that keeps account of what it was given,
//! and a runbook carried out on both.
//!
//! Owns: the [`Stack`] (replicas of two arms, HAProxy, Redis, SurrealDB: started, supervised, broken
//! and ended), the [`Load`] (readers, publishers and chat members, each with a ledger of its own), the
//! [`Baseline`] of what runs, and what a [`Certificate`] of a rehearsal is for. Knows the server by its binary and
//! its sockets alone. What a runbook and a run are, [`Play`] alone knows. Must not know: how a run is
//! driven, what a guard makes of the numbers, terminals.

mod baseline;
mod error;
mod http;
mod load;
mod log_file;
mod play;
mod port;
mod process;
mod processes;
mod program;
mod stack;

pub use deployment::{Certificate, CertificateError, Rehearsed};

pub use self::{
    baseline::{Baseline, Difference, ReplicaRecord, Unvouched, compare},
    error::StackError,
    load::{
        ArmCounts, ChatLedger, ChatLoad, Churn, Crowd, Keys, Ledger, Load, LoadError, LoadSettings,
        OnCanary, Pair, Shortfall, Verdict,
    },
    play::{
        Act, ChainScript, Check, DatabaseScript, Deciders, Ends, FaultScript, LoadScript, Play,
        PlayError, PlaySettings, Played, Script, ScriptFaults, StackScript, StepScript,
    },
    program::ServerProgram,
    stack::{
        Chain, Database, Fault, Layout, Replica, ReplicaState, Rolled, Rollout, RouterFiles, Slot,
        Stack, StackSettings, Stopped,
    },
};
