//! The certificate of a rehearsal: for what it was done, how it ended, and until when that counts. Pure but
//! for where one is read that a gate asks for.
//!
//! It is an [`evidence::Rehearsal`], which has the format and is signed there; who signed it is found
//! out by whoever verifies the evidence.

mod asked;

use evidence::{Hash, Outcome, Predicate, Rehearsal, Resource, Statement};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

pub use self::asked::{
    CertificateSource, Certificates, Migrations, Release, SourceError, router_configuration,
};

/// Names of what a rehearsal is done with, as they stand in `configuration`.
const BINARY: &str = "binary";
const MIGRATIONS: &str = "migrations";
const ROUTER: &str = "router-configuration";
const RUNBOOK: &str = "runbook";

/// When it was made, in `detail`.
const MADE_AT: &str = "madeAt";

/// Why it vouches for no release, in `detail`.
const NOT_FOR_PRODUCTION: &str = "notForProduction";

/// What is rehearsed, and what is to be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The SHA-256 of the candidate's binary.
    pub binary: Hash,
    /// The checksum of the migrations; none without a database.
    pub migrations: Option<Hash>,
    /// The SHA-256 of what the router's configuration says.
    pub router_configuration: Hash,
    /// The SHA-256 of the runbook.
    pub runbook: Hash,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// For what it is.
    pub of: Rehearsed,
    /// How the rehearsal ended.
    pub result: Outcome,
    /// Why it vouches for no release although it passed: faults on purpose, guards that saw nothing or
    /// sent it back, a canary without clients.
    pub not_for_production: Vec<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it counts.
    pub expires: Timestamp,
}

/// Why a certificate does not do, or is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The rehearsal did not pass.
    #[error("the rehearsal did not pass; find out why, and rehearse again")]
    NotPassed,
    /// It passed with what is no release.
    #[error(
        "it is not for production use: {0}; rehearse without that, where faults were made on purpose with \
         --inject none"
    )]
    NotForProduction(String),
    /// It does not count any more.
    #[error("it counted until {expired}; rehearse again")]
    Expired {
        /// Until when it counted.
        expired: Timestamp,
    },
    /// It was made after now.
    #[error("it says that it was made at {made_at}, which is to come; compare the clocks")]
    FromTheFuture {
        /// When it says it was made.
        made_at: Timestamp,
    },
    /// It is for something else.
    #[error(
        "it is for another {what}: {rehearsed} was rehearsed, and {asked} is to be released; {}",
        advice(what)
    )]
    Another {
        /// What differs.
        what: &'static str,
        /// What was rehearsed.
        rehearsed: String,
        /// What it was to be for.
        asked: String,
    },
    /// It does not say what it is for, or when it was made.
    #[error("it is no certificate of a rehearsal: {0}")]
    Content(String),
}

impl Certificate {
    /// Returns the certificate of a rehearsal that ended now and counts for so long.
    pub fn new(of: Rehearsed, result: Outcome, now: Timestamp, counts_for: SignedDuration) -> Self {
        let expires = now.checked_add(counts_for).unwrap_or(Timestamp::MAX);
        let not_for_production = Vec::new();
        Certificate { of, result, not_for_production, made_at: now, expires }
    }

    /// Says why it vouches for no release: it then is a warning at most, which no gate takes.
    #[must_use]
    pub fn not_for_production(self, why: Vec<String>) -> Self {
        let is_warned = self.result == Outcome::Passed && !why.is_empty();
        let result = if is_warned { Outcome::Warned } else { self.result };
        Certificate { result, not_for_production: why, ..self }
    }

    /// Returns it as evidence has it, signed in a role.
    pub fn to_predicate(&self, role: &str) -> Rehearsal {
        let made_at = Value::String(self.made_at.to_string());
        let mut detail = Map::from_iter([(MADE_AT.to_owned(), made_at)]);
        if !self.not_for_production.is_empty() {
            let why = self.not_for_production.iter().cloned().map(Value::String).collect();
            detail.insert(NOT_FOR_PRODUCTION.to_owned(), Value::Array(why));
        }
        Rehearsal {
            role: role.to_owned(),
            result: self.result,
            configuration: self.of.resources(),
            expires: self.expires.to_string(),
            detail,
        }
    }

    /// Returns the statement about the candidate's binary, to be signed in a role.
    ///
    /// # Errors
    /// Fails where it can't be written as JSON.
    pub fn statement(&self, role: &str) -> Result<Statement, serde_json::Error> {
        let subject = vec![Resource::of_sha256(BINARY, self.of.binary)];
        Predicate::Rehearsal(self.to_predicate(role)).about(subject)
    }

    /// Reads one.
    ///
    /// # Errors
    /// Fails where it does not say what it is for or when it was made.
    pub fn read(rehearsal: &Rehearsal) -> Result<Self, CertificateError> {
        let lacking = |what: &str| CertificateError::Content(format!("it names no {what}"));
        let made_at = rehearsal.detail.get(MADE_AT).and_then(Value::as_str);
        Ok(Certificate {
            of: Rehearsed::read(&rehearsal.configuration)?,
            result: rehearsal.result,
            not_for_production: not_for_production(&rehearsal.detail)?,
            made_at: made_at.and_then(|text| text.parse().ok()).ok_or_else(|| lacking(MADE_AT))?,
            expires: rehearsal.expires.parse().map_err(|_| lacking("expiry"))?,
        })
    }

    /// Checks that it does for a release.
    ///
    /// # Errors
    /// Fails with the first reason why it does not.
    pub fn check(&self, now: Timestamp, release: &Rehearsed) -> Result<(), CertificateError> {
        if !self.not_for_production.is_empty() && self.result != Outcome::Failed {
            return Err(CertificateError::NotForProduction(self.not_for_production.join("; ")));
        }
        if self.result != Outcome::Passed {
            return Err(CertificateError::NotPassed);
        }
        if self.made_at > now {
            return Err(CertificateError::FromTheFuture { made_at: self.made_at });
        }
        if self.expires <= now {
            return Err(CertificateError::Expired { expired: self.expires });
        }
        self.of.check(release)
    }
}

impl Rehearsed {
    /// Returns it as evidence names it.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let migrations = self.migrations.map(|digest| (MIGRATIONS, digest));
        let all =
            [(BINARY, self.binary), (ROUTER, self.router_configuration), (RUNBOOK, self.runbook)];
        let all = all.into_iter().chain(migrations);
        all.map(|(name, digest)| Resource::of_sha256(name, digest)).collect()
    }

    fn read(resources: &[Resource]) -> Result<Self, CertificateError> {
        let one = |name: &str| {
            let mut named = resources.iter().filter(|it| it.name.as_deref() == Some(name));
            match (named.next(), named.next()) {
                (None, _) => Ok(None),
                (Some(resource), None) => match resource.sha256() {
                    Some(digest) => Ok(Some(digest)),
                    None => Err(CertificateError::Content(format!("its {name} has no SHA-256"))),
                },
                _ => Err(CertificateError::Content(format!("it names two of {name}"))),
            }
        };
        let needed = |name: &str| {
            let lacking = || CertificateError::Content(format!("it names no {name}"));
            one(name)?.ok_or_else(lacking)
        };
        Ok(Rehearsed {
            binary: needed(BINARY)?,
            migrations: one(MIGRATIONS)?,
            router_configuration: needed(ROUTER)?,
            runbook: needed(RUNBOOK)?,
        })
    }

    fn check(&self, release: &Rehearsed) -> Result<(), CertificateError> {
        let shown = |digest: Option<Hash>| digest.map_or("none".to_owned(), |it| it.to_string());
        let pairs = [
            (BINARY, Some(self.binary), Some(release.binary)),
            (MIGRATIONS, self.migrations, release.migrations),
            (ROUTER, Some(self.router_configuration), Some(release.router_configuration)),
            (RUNBOOK, Some(self.runbook), Some(release.runbook)),
        ];
        match pairs.into_iter().find(|(_, rehearsed, asked)| rehearsed != asked) {
            None => Ok(()),
            Some((what, rehearsed, asked)) => Err(CertificateError::Another {
                what,
                rehearsed: shown(rehearsed),
                asked: shown(asked),
            }),
        }
    }
}

fn not_for_production(detail: &Map<String, Value>) -> Result<Vec<String>, CertificateError> {
    let Some(said) = detail.get(NOT_FOR_PRODUCTION) else { return Ok(Vec::new()) };
    let texts = said.as_array().and_then(|all| {
        all.iter().map(|one| one.as_str().map(ToOwned::to_owned)).collect::<Option<Vec<_>>>()
    });
    let refused =
        || CertificateError::Content(format!("its {NOT_FOR_PRODUCTION} is no list of texts"));
    texts.filter(|texts| !texts.is_empty()).ok_or_else(refused)
}

fn advice(what: &str) -> &'static str {
    match what {
        BINARY => "release the binary that was rehearsed, or rehearse this one",
        MIGRATIONS => "rehearse with the migrations of this release",
        ROUTER => {
            "rehearse with the rules and times of this router, or give it those of the rehearsal"
        }
        _ => "rehearse the runbook as it is now",
    }
}

#[cfg(test)]
mod tests;
