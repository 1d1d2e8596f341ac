//! Moves clients between the version that is there and a new one, and takes the new one out again.
//!
//! Owns: what a router is asked and what it must give ([`Router`]), which clients a share means
//! ([`Client`], [`Weight`]), the lease under which a canary has traffic, HAProxy by its runtime socket
//! ([`haproxy`]), the way back with its two clocks ([`withdraw()`]), and what takes a canary out when
//! nobody renews its lease ([`dead_man()`], in a process of its own by [`stand_by`]). How a router is
//! set up stands in `docs/traffic.md`.
//! Must not know: runbooks, plans, journals, how a replica is started or what it serves.

mod clients;
mod cohort;
mod dead_man;
mod error;
pub mod haproxy;
mod observation;
mod owner;
mod router;
mod weight;
pub mod withdraw;

pub use self::{
    clients::{ClientTally, ClientTotal, Clients, ClientsLook},
    cohort::{BUCKETS, Bucket, Client, ClientError},
    dead_man::{
        AccountLine, DeadManAccount, DeadManEnd, DeadManError, DeadManNote, DeadManOrder,
        DeadManSaid, DeadManSettings, OrderError, StandByError, StartError, StoodBy, dead_man,
        is_acting, stand_by, start_dead_man,
    },
    error::{RouterError, chain},
    observation::{ArmState, Observation, Server, ServerState, UnixTime},
    owner::{Owner, OwnerError},
    router::{Capability, Pending, Router},
    weight::{Weight, WeightError},
    withdraw::withdraw,
};
