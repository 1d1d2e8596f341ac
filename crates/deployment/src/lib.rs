//! What a run acts on where Tidegate is deployed.
//!
//! Owns: how each kind of step is carried out and read back, where guards' numbers come from, the
//! description of a deployment by a file (`docs/environments.md`), the certificate of a rehearsal and the
//! gate that asks for it, secrets at the moment of their use.
//! Must not know: when a step is due, what a run's journal says, how a guard judges, how a stack is
//! started for a rehearsal; for what only whoever runs a deployment can do there is [`Hands`].

mod certificate;
mod deployment;
mod environment;
mod hands;
mod http;
mod program;
mod secret;
mod settings_file;
mod sources;
mod steps;

use conductor::Artefact;

pub use self::{
    certificate::{
        Certificate, CertificateError, CertificateSource, Certificates, Migrations, Rehearsed,
        Release, SourceError, router_configuration,
    },
    deployment::{Deployment, DeploymentError, DeploymentSettings},
    environment::{
        Argv, Asks, CommandSettings, DescribedReplica, Environment, EnvironmentError,
        ExternalDescription, RouterDescription, Service, SettingsDescription,
    },
    hands::{Acted, External, Hands, HandsError, Instead, Pairs, Replica, Setting, TrafficMove},
    secret::{Lookup, SecretError, SecretSource, SecretText, Secrets},
    sources::LedgerTotals,
};

/// What something left behind.
pub type Artefacts = Vec<Artefact>;
