//! Certificates that gates ask for: where each stands, whose key signs it, and what is to be released.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use evidence::{
    Entry, Hash, Keyring, LOG_ROLE, Predicate, Request, Statement, Verifier, folder, verify,
};
use traffic::haproxy;

use super::{Certificate, CertificateError};

/// The longest configuration of a router, in bytes.
const CONFIG_BYTES_MAX: u64 = 8 << 20;

/// What gates ask for, as an environment describes it.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// Each certificate, by its name.
    pub named: BTreeMap<String, CertificateSource>,
    /// What is to be released.
    pub release: Option<Release>,
    /// The configuration of the router.
    pub router_config: Option<PathBuf>,
}

/// Where a certificate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSource {
    /// The folder of a rehearsal's evidence.
    pub evidence: PathBuf,
    /// The key of its log, which is trusted.
    pub key: Verifier,
    /// The runbook that has to have been rehearsed, as it is now; the run's own where it does not say so.
    pub runbook: Option<PathBuf>,
}

/// What is to be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its binary.
    pub binary: PathBuf,
    /// The checksum of its migrations.
    pub migrations: Migrations,
}

/// The migrations of what is to be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// It has no database.
    None,
    /// Their checksum.
    Checksum(Hash),
}

impl Migrations {
    /// Returns the checksum, where there is one.
    pub const fn checksum(self) -> Option<Hash> {
        match self {
            Migrations::None => None,
            Migrations::Checksum(hash) => Some(hash),
        }
    }
}

/// A rehearsal's evidence without a certificate that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is none, or it can't be read.
    #[error(
        "there is no evidence of a rehearsal in {folder} ({why}); rehearse, and name the folder of its \
         evidence under [certificates]"
    )]
    Missing {
        /// Where.
        folder: String,
        /// Why.
        why: String,
    },
    /// It was changed, or somebody else signed it.
    #[error(
        "the evidence in {folder} is not sound by the key that is trusted: {first}; `tidegate evidence \
         verify` says more; do not use it, and rehearse again with a key of yours (--log-key)"
    )]
    NotSound {
        /// Where.
        folder: String,
        /// The first thing that is wrong.
        first: String,
    },
    /// Nothing in it is a certificate.
    #[error(
        "the evidence in {folder} is of a run and of no rehearsal; name that of a `tidegate rehearse`"
    )]
    NoCertificate {
        /// Where.
        folder: String,
    },
    /// More than one.
    #[error("the evidence in {folder} has {count} certificates; one is expected")]
    Several {
        /// Where.
        folder: String,
        /// How many.
        count: usize,
    },
    /// It is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl CertificateSource {
    /// Reads the certificate. Every byte of the evidence is verified first, with the key that is trusted
    /// alone.
    ///
    /// # Errors
    /// Fails where there is none, or none that can be trusted.
    pub fn read(&self) -> Result<Certificate, SourceError> {
        let folder = self.evidence.display().to_string();
        let missing = |why: String| SourceError::Missing { folder: folder.clone(), why };
        let contents = folder::read(&self.evidence).map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            missing(source.unwrap_or_else(|| error.to_string()))
        })?;
        let Some(entries) = contents.entries.as_deref() else {
            return Err(missing("it has no entries".to_owned()));
        };
        let role = LOG_ROLE.parse().expect("it is a role");
        let keyring = Keyring::default().with(vec![role], self.key.clone());
        let request = Request {
            contents: &contents,
            keyring: Some(&keyring),
            seen: None,
            may_be_open: false,
        };
        let report = verify(&request);
        if let Some(first) = report.findings.first() {
            let (folder, first) = (folder.clone(), first.to_string());
            return Err(SourceError::NotSound { folder, first });
        }
        let mut stated = rehearsals(entries);
        match stated.len() {
            0 => Err(SourceError::NoCertificate { folder }),
            1 => Ok(Certificate::read(&stated.remove(0))?),
            count => Err(SourceError::Several { folder, count }),
        }
    }
}

/// Returns what is stated of rehearsals in a log that was verified.
fn rehearsals(entries: &[u8]) -> Vec<evidence::Rehearsal> {
    let lines = entries.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
    let said = entries.filter_map(|entry| {
        let role = entry.role.as_deref() == Some(LOG_ROLE);
        match Statement::read(entry.envelope.as_ref().filter(|_| role)?) {
            Ok((_, Predicate::Rehearsal(rehearsal))) => Some(rehearsal),
            _ => None,
        }
    });
    said.collect()
}

/// Returns the SHA-256 of what a router's configuration says whatever the machine: what a rehearsal's
/// certificate names, and a deployment's file is compared with.
///
/// # Errors
/// Fails, in one sentence, where it can't be read or is none.
pub fn router_configuration(file: &Path) -> Result<Hash, String> {
    let shown = file.display();
    let unreadable = |why: &dyn std::fmt::Display| {
        format!("the router's configuration {shown} can't be read: {why}")
    };
    let bytes = fs::metadata(file).map_err(|error| unreadable(&error))?.len();
    if bytes > CONFIG_BYTES_MAX {
        return Err(unreadable(&format!("it has {bytes} bytes")));
    }
    let text = fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let essence = haproxy::essence(&text).map_err(|error| format!("{shown}: {error}"))?;
    Ok(Hash::of(essence.as_bytes()))
}
