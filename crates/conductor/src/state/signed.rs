//! What people signed: by a key that the plan gives their role, about this plan, over this journal.

use std::collections::BTreeSet;

use evidence::{Decision, Envelope, Hash, IN_TOTO_PAYLOAD_TYPE, Predicate, Statement, pae};
use runbook::{Mode, PlannedPerson};

use super::{Log, Refused, State};

/// A decision that was found to be signed as it has to be.
pub(super) struct Said {
    pub(super) decision: Decision,
    /// Who signed it.
    pub(super) people: Vec<String>,
    /// Of the payload.
    pub(super) digest: Hash,
}

/// Checks that somebody speaks in a role, and has no key that would have to sign.
pub(super) fn may_be_unsigned(state: &State, role: &str, person: &str) -> Result<(), Refused> {
    let mut people = state.people.get(role).into_iter().flatten();
    let known = people.find(|known| known.name == person);
    let (role, person) = (role.to_owned(), person.to_owned());
    match known {
        None => Err(Refused::Person { role, person }),
        Some(known) if known.key.is_some() || state.mode == Mode::Production => {
            Err(Refused::Unsigned { role, person })
        }
        Some(_) => Ok(()),
    }
}

/// Checks what was signed.
pub(super) fn check(
    state: &State,
    role: &str,
    envelope: &Envelope,
    log: Log<'_>,
) -> Result<Said, Refused> {
    let no_statement = |why: String| Refused::Statement(why);
    let payload = envelope.payload().map_err(|error| no_statement(error.to_string()))?;
    let people = signers(state, role, envelope, &payload)?;
    let (statement, predicate) =
        Statement::read(envelope).map_err(|error| no_statement(error.to_string()))?;
    let Predicate::Decision(decision) = predicate else {
        return Err(no_statement(format!("it is a {}", predicate.summary())));
    };
    if decision.role != role {
        return Err(Refused::Role(decision.role));
    }
    if !decision.plan.as_ref().is_some_and(|plan| plan.is_sha256(state.plan)) {
        return Err(Refused::OtherPlan);
    }
    let seen = &decision.log;
    let is_this = state.run.as_deref() == Some(seen.origin.as_str())
        && seen.size <= log.size
        && log.tree.root_at(seen.size) == Some(seen.root)
        && statement.subject.iter().any(|subject| subject.is_sha256(seen.root));
    if !is_this {
        return Err(Refused::OtherLog);
    }
    let digest = Hash::of(&payload);
    if state.statements.contains(&digest) {
        return Err(Refused::Repeated);
    }
    Ok(Said { decision, people, digest })
}

/// Returns the people who signed; every signature has to be one of a key of the role.
fn signers(
    state: &State,
    role: &str,
    envelope: &Envelope,
    payload: &[u8],
) -> Result<Vec<String>, Refused> {
    let message = pae(IN_TOTO_PAYLOAD_TYPE, payload);
    let people = state.people.get(role).map(Vec::as_slice).unwrap_or_default();
    let mut names = Vec::new();
    let mut signed = BTreeSet::new();
    for signature in envelope.signatures() {
        let bytes = signature.bytes().unwrap_or_default();
        let is_theirs = |person: &&PlannedPerson| {
            let key = person.key.as_ref();
            key.is_some_and(|key| {
                key.key_id() == signature.key_id() && key.verifies(&message, &bytes)
            })
        };
        let person = people
            .iter()
            .find(is_theirs)
            .ok_or_else(|| Refused::Signature { role: role.to_owned(), key: signature.key_id() })?;
        if !signed.insert(signature.key_id()) {
            return Err(Refused::SignedTwice(signature.key_id()));
        }
        names.push(person.name.clone());
    }
    if names.is_empty() {
        let (role, key) = (role.to_owned(), "nobody".to_owned());
        return Err(Refused::Signature { role, key });
    }
    Ok(names)
}
