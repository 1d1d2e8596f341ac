//! Signed statements: by whom, in which role, about what.

use std::collections::BTreeMap;

use super::{
    Fault, Report, Request, Standing, claimed,
    log::{Log, place},
    plan,
};
use crate::{
    Decision, Entry, Envelope, Hash, Keyring, LOG_ROLE, Predicate, Resource, SignerError,
    Statement, Verifier,
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
                let key_ids = envelope.signatures().iter().map(|it| it.keyid.clone());
                claimed(key_ids, &place(*n), report)
            }
        };
        match Statement::read(envelope) {
            Ok((statement, predicate)) => {
                let said = Said { n: *n, entry, role, statement, predicate };
                said.check(&signers, log, report);
                report.item(place(*n), standing, said.what(report), signers);
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
    let mut signers: Vec<&Verifier> = Vec::new();
    for signer in envelope.signers(payload, &keyring.keys()) {
        match signer {
            Err(SignerError::Unknown(key)) => report.find(place(n), Fault::Signature(key)),
            Err(SignerError::Twice(key)) => report.find(place(n), Fault::SignedTwice(key)),
            Ok(key) if keyring.has_role(key, role) => signers.push(key),
            Ok(key) => {
                let (key, role) = (key.key_id(), role.to_owned());
                report.find(place(n), Fault::Role { key, role });
            }
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
    /// Returns what is said, and what a decision was given over: whoever reads it sees what its signer
    /// can't have seen.
    fn what(&self, report: &Report) -> String {
        let what = format!("{} as {}", self.predicate.summary(), self.role);
        let is_planned = !plan::named(&self.predicate).is_empty();
        match &self.predicate {
            Predicate::Decision(decision) => {
                let (size, n) = (decision.log.size, self.n);
                let of = if is_planned { "of the plan" } else { "of no plan" };
                format!("{what}, over {size} of the {n} entries before it, {of}")
            }
            Predicate::TestResult(_) if !is_planned && report.plan.is_some() => {
                format!("{what}, of no plan")
            }
            _ => what,
        }
    }

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
