//! Signed statements: by whom, in which role, about what.

use std::collections::BTreeMap;

use super::{
    Fault, Report, Request, Standing,
    log::{Log, place},
};
use crate::{
    Decision, Envelope, Hash, IN_TOTO_PAYLOAD_TYPE, LOG_ROLE, Predicate, STATEMENT_TYPE, Statement,
    Verifier, pae,
};

pub(super) fn check(request: &Request<'_>, log: &Log, report: &mut Report) {
    let mut payloads: BTreeMap<Hash, u64> = BTreeMap::new();
    for (n, entry) in &log.entries {
        let (Some(envelope), Some(role)) = (&entry.envelope, &entry.role) else { continue };
        let Ok(payload) = envelope.payload() else {
            report.find(place(*n), Fault::Statement("its payload is not base64".to_owned()));
            continue;
        };
        if let Some(first) = payloads.insert(Hash::of(&payload), *n) {
            report.find(place(*n), Fault::Repeated(first));
        }
        let signers = check_signers(request, envelope, &payload, (*n, role), report);
        match read(envelope, &payload) {
            Ok((statement, predicate)) => {
                let said = Said { n: *n, role, statement: &statement, predicate: &predicate };
                said.check(request, log, &signers, report);
                let names = signers.iter().map(|key| key.key_id()).collect();
                let what = format!("{} as {role}", predicate.summary());
                report.item(place(*n), Standing::Signed, what, names);
            }
            Err(why) => report.find(place(*n), Fault::Statement(why)),
        }
    }
}

fn read(envelope: &Envelope, payload: &[u8]) -> Result<(Statement, Predicate), String> {
    if envelope.payload_type() != IN_TOTO_PAYLOAD_TYPE {
        return Err(format!("it is of the type {:?}", envelope.payload_type()));
    }
    let statement: Statement = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
    if statement.statement_type != STATEMENT_TYPE {
        return Err(format!("it is of the type {:?}", statement.statement_type));
    }
    let is_bare = |resource: &crate::Resource| resource.digest.is_empty();
    if statement.subject.is_empty() || statement.subject.iter().any(is_bare) {
        return Err("it has no subject with a digest".to_owned());
    }
    let predicate = Predicate::of(&statement).map_err(|error| error.to_string())?;
    Ok((statement, predicate))
}

/// Returns the keys that signed; each signature has to be of a trusted key with the role.
fn check_signers<'k>(
    request: &Request<'k>,
    envelope: &Envelope,
    payload: &[u8],
    (n, role): (u64, &str),
    report: &mut Report,
) -> Vec<&'k Verifier> {
    let message = pae(envelope.payload_type(), payload);
    let mut signers: Vec<&Verifier> = Vec::new();
    for signature in envelope.signatures() {
        let bytes = signature.bytes();
        let named = request.keyring.keys().find(|key| key.key_id() == signature.keyid);
        let key = named.filter(|key| bytes.is_ok_and(|bytes| key.verifies(&message, &bytes)));
        let Some(key) = key else {
            report.find(place(n), Fault::Signature(signature.keyid.clone()));
            continue;
        };
        if !request.keyring.has_role(key, role) {
            let (key, role) = (key.key_id(), role.to_owned());
            report.find(place(n), Fault::Role { key, role });
        } else if signers.contains(&key) {
            report.find(place(n), Fault::SignedTwice(key.key_id()));
        } else {
            signers.push(key);
        }
    }
    if signers.is_empty() {
        report.find(place(n), Fault::Unsigned);
    }
    signers
}

/// A statement that was read.
struct Said<'s> {
    n: u64,
    role: &'s str,
    statement: &'s Statement,
    predicate: &'s Predicate,
}

impl Said<'_> {
    fn check(&self, request: &Request<'_>, log: &Log, signers: &[&Verifier], report: &mut Report) {
        if self.predicate.role().is_some_and(|role| role != self.role) {
            let (key, role) = (signers.first().map_or_else(String::new, |k| k.key_id()), self.role);
            report.find(place(self.n), Fault::Role { key, role: role.to_owned() });
        }
        let Predicate::Decision(decision) = self.predicate else { return };
        // Whoever carries a plan out does not approve it.
        for key in signers.iter().filter(|key| request.keyring.has_role(key, LOG_ROLE)) {
            let (key, role) = (key.key_id(), self.role.to_owned());
            report.find(place(self.n), Fault::Role { key, role });
        }
        self.check_decision(decision, log, report);
    }

    /// A decision signs the log as it was: so nobody can change what was before it and keep it.
    fn check_decision(&self, decision: &Decision, log: &Log, report: &mut Report) {
        let at = place(self.n);
        let state = &decision.log;
        if report.origin.as_ref().is_some_and(|origin| *origin != state.origin) {
            report.find(&at, Fault::Origin(state.origin.clone()));
        }
        if state.size > self.n {
            report.find(&at, Fault::Future);
        } else if log.tree.root_at(state.size) != Some(state.root) {
            report.find(&at, Fault::Root);
        } else {
            let what = format!("the log that was decided on, {} entries", state.size);
            report.item(&at, Standing::Derived, what, Vec::new());
        }
        if !self.statement.subject.iter().any(|subject| subject.is_sha256(state.root)) {
            report.find(at, Fault::Subject);
        }
    }
}
