//! Signed statements: by whom, in which role, about what.

use std::collections::BTreeMap;

use super::{
    Fault, Report, Request, Standing, claimed,
    log::{Log, place},
    plan,
};
use crate::{
    Decision, Entry, Envelope, EnvelopeSignature, Hash, Keyring, LOG_ROLE, Predicate, Resource,
    Statement, Verifier, pae,
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
        let (standing, signers) = match request.keyring {
            Some(keyring) => {
                let signers = check_signers(keyring, envelope, &payload, (*n, role), report);
                (Standing::Signed, signers)
            }
            None => {
                let key_ids = envelope.signatures().iter().map(EnvelopeSignature::key_id);
                claimed(key_ids, &place(*n), report)
            }
        };
        match Statement::read(envelope) {
            Ok((statement, predicate)) => {
                let what = format!("{} as {role}", predicate.summary());
                Said { n: *n, entry, role, statement, predicate }.check(&signers, log, report);
                report.item(place(*n), standing, what, signers);
            }
            Err(why) => report.find(place(*n), Fault::Statement(why.to_string())),
        }
    }
}

/// Returns the keys that signed; each signature has to be of a trusted key with the role.
fn check_signers(
    keyring: &Keyring,
    envelope: &Envelope,
    payload: &[u8],
    (n, role): (u64, &str),
    report: &mut Report,
) -> Vec<String> {
    let message = pae(envelope.payload_type(), payload);
    let mut signers: Vec<&Verifier> = Vec::new();
    for signature in envelope.signatures() {
        let bytes = signature.bytes();
        let named = keyring.keys().find(|key| key.key_id() == signature.keyid);
        let key = named.filter(|key| bytes.is_ok_and(|bytes| key.verifies(&message, &bytes)));
        let Some(key) = key else {
            report.find(place(n), Fault::Signature(signature.keyid.clone()));
            continue;
        };
        if !keyring.has_role(key, role) {
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
    if let Ok((_, Predicate::Decision(_))) = Statement::read(envelope) {
        // Whoever carries a plan out does not approve it.
        for key in signers.iter().filter(|key| keyring.has_role(key, LOG_ROLE)) {
            let (key, role) = (key.key_id(), role.to_owned());
            report.find(place(n), Fault::Role { key, role });
        }
    }
    signers.into_iter().map(Verifier::key_id).collect()
}

/// A statement that was read.
struct Said<'s> {
    n: u64,
    entry: &'s Entry,
    role: &'s str,
    statement: Statement,
    predicate: Predicate,
}

impl Said<'_> {
    fn check(&self, signers: &[String], log: &Log, report: &mut Report) {
        plan::check_said(&self.predicate, self.n, report);
        if self.predicate.role().is_some_and(|role| role != self.role) {
            let (key, role) = (signers.first().cloned().unwrap_or_default(), self.role.to_owned());
            report.find(place(self.n), Fault::Role { key, role });
        }
        match &self.predicate {
            Predicate::Decision(decision) => self.check_decision(decision, log, report),
            Predicate::Switch(_) => self.check_switch(report),
            _ => {}
        }
    }

    /// What is said of a switch is said of the record beside it, where there is one.
    fn check_switch(&self, report: &mut Report) {
        let outputs = &self.entry.outputs;
        let is_of_one = |subject: &Resource| outputs.iter().any(|it| subject.is_sha256(it.sha256));
        if !outputs.is_empty() && !self.statement.subject.iter().all(is_of_one) {
            report.find(place(self.n), Fault::Subject);
        }
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
