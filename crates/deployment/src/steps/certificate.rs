//! A gate that asks for the certificate of a rehearsal: it is closed unless a signed one that counts
//! still is for the very binary, migrations, router configuration and runbook.

use std::{fs::File, path::Path};

use conductor::{Done, Work};
use evidence::Hash;
use futures_util::future::join_all;
use guard::Arm;
use jiff::Timestamp;
use runbook::PlannedStep;
use serde_json::json;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{document, error, fail, pass, with};
use crate::{
    Certificate, CertificateSource, Certificates, Deployment, Rehearsed, Replica,
    certificate::router_configuration,
};

/// What is there to be compared: the certificate, and what is to be released.
struct Compared {
    certificate: Certificate,
    release: Rehearsed,
}

/// Why a gate is closed.
enum Closed {
    /// The certificate does not do.
    Fail(String),
    /// It can't be told.
    Error(String),
}

/// What replicas of the new version say of faults that they were built to have.
#[derive(Default)]
struct Faults {
    found: Vec<String>,
    /// Those that did not say.
    silent: Vec<String>,
}

impl Deployment {
    /// Returns the certificate that a step asks for; none in a rehearsal, which is what gives one.
    pub(crate) fn certificate_asked<'s>(&self, step: &'s PlannedStep) -> Option<&'s str> {
        step.certificate.as_deref().filter(|_| !self.is_rehearsal)
    }

    pub(super) async fn certificate(&self, work: &Work, name: &str, until: Instant) -> Done {
        let (certificates, source) = (self.settings.certificates.clone(), self.runbook);
        let asked = name.to_owned();
        let compared = spawn_blocking(move || compared(&certificates, &asked, source));
        let looked = timeout_at(until, async { (compared.await, self.faults_of_canary().await) });
        let (compared, faults) = match looked.await {
            Err(_) => return error("The certificate could not be looked at in the step's time."),
            Ok((Err(_), _)) => return error("Looking at the certificate broke off."),
            Ok((Ok(compared), faults)) => (compared, faults),
        };
        let Compared { certificate, release } = match compared {
            Err(Closed::Fail(why)) => return fail(format!("The certificate {name}: {why}.")),
            Err(Closed::Error(why)) => return error(format!("The certificate {name}: {why}.")),
            Ok(compared) => compared,
        };
        let kept = json!({
            "certificate": certificate.to_predicate(evidence::LOG_ROLE),
            "release": release.resources(),
            "gate": work.step.id,
        });
        let artefacts = vec![document("certificate.json", &kept)];
        let checked = certificate.check(Timestamp::now(), &release);
        if let Err(why) = checked {
            return with(fail(format!("The certificate {name}: {why}.")), artefacts);
        }
        if let Some(faults) = faults.found.first() {
            return with(fail(format!("{faults}.")), artefacts);
        }
        let silent = match &faults.silent[..] {
            [] => String::new(),
            silent => format!(
                " {} did not answer, and was not asked whether it was built to fail on purpose.",
                silent.join(", ")
            ),
        };
        let (made, expires) = (certificate.made_at, certificate.expires);
        let text = format!(
            "The certificate {name} is for this binary, its migrations, the router's configuration and \
             the runbook; it was made at {made} and counts until {expires}.{silent}"
        );
        with(pass(text), artefacts)
    }

    /// Returns what replicas of the new version say of faults that they were built to have, where some
    /// are up already.
    async fn faults_of_canary(&self) -> Faults {
        let replicas = self.hands.replicas();
        let canary = replicas.iter().filter(|replica| replica.arm == Arm::Canary);
        let asked = canary.map(|replica| async move { (replica, self.faults_of(replica).await) });
        let mut faults = Faults::default();
        for (replica, found) in join_all(asked).await {
            match found {
                Some(found) => faults.found.extend(found),
                None => faults.silent.push(replica.name.clone()),
            }
        }
        faults
    }

    /// Returns the faults that a replica was built to have; nothing where it does not say.
    async fn faults_of(&self, replica: &Replica) -> Option<Option<String>> {
        let answer = self.http.get(&format!("{}/api/health", replica.url)).await.ok()?;
        let health = answer.json().ok()?;
        // Health that is bad is health too; what has not this part is another server's, or none.
        let runtime = health["checks"]["runtime"].as_object()?;
        let Some(faults) = runtime.get("inject") else { return Some(None) };
        let faults = faults.as_str().map_or_else(|| faults.to_string(), ToOwned::to_owned);
        Some(Some(format!(
            "The replica {} was built to fail on purpose (feature `inject`, now: {faults}); build the \
             release without it",
            replica.name
        )))
    }
}

/// Reads the certificate and finds out what is to be released.
fn compared(all: &Certificates, name: &str, own: Hash) -> Result<Compared, Closed> {
    let lacks = |what: &str| {
        Closed::Fail(format!(
            "the environment's file has no {what}, so that nothing can be compared; add it \
             (docs/environments.md)"
        ))
    };
    let source = all.named.get(name).ok_or_else(|| lacks(&format!("[certificates.{name}]")))?;
    let release = all.release.as_ref().ok_or_else(|| lacks("[release]"))?;
    let config = all.router_config.as_deref();
    let config = config.ok_or_else(|| lacks("`config` under [router]"))?;
    let certificate = source.read().map_err(|error| Closed::Fail(error.to_string()))?;
    let release = Rehearsed {
        binary: digest(&release.binary, "binary of the release")?,
        migrations: release.migrations.checksum(),
        router_configuration: router_configuration(config).map_err(Closed::Error)?,
        runbook: runbook(source, own)?,
    };
    Ok(Compared { certificate, release })
}

fn runbook(source: &CertificateSource, own: Hash) -> Result<Hash, Closed> {
    match &source.runbook {
        Some(file) => digest(file, "runbook that has to be rehearsed"),
        None => Ok(own),
    }
}

fn digest(file: &Path, what: &str) -> Result<Hash, Closed> {
    let (digest, _) = File::open(file).and_then(Hash::of_all).map_err(|error| {
        Closed::Error(format!("the {what}, {}, can't be read: {error}", file.display()))
    })?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_described_closes_the_gate() {
        let closed = |all: &Certificates| match compared(all, "x", Hash::of(b"")) {
            Err(Closed::Fail(why)) => why,
            _ => panic!("it is open, or can't be told"),
        };
        assert!(closed(&Certificates::default()).contains("no [certificates.x]"));
    }
}
