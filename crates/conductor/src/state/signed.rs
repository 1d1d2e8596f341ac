//! What people signed: by a key that the plan gives their role, about this plan, over this journal.

use evidence::{Decision, Envelope, Hash, Predicate, SignerError, Statement};
use runbook::{Mode, PlannedPerson};

use super::{JournalView, Refused, State};

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
    let mut people = state.outline.people.get(role).into_iter().flatten();
    let known = people.find(|known| known.name == person);
    let (role, person) = (role.to_owned(), person.to_owned());
    match known {
        None => Err(Refused::Person { role, person }),
        Some(known) if known.key.is_some() || state.outline.mode == Mode::Production => {
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
    log: JournalView<'_>,
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
    if !decision.plan.as_ref().is_some_and(|plan| plan.is_sha256(state.outline.plan)) {
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
    let people = state.outline.people.get(role).map(Vec::as_slice).unwrap_or_default();
    let is_of = |person: &&PlannedPerson, key| person.key.as_ref() == Some(key);
    let keys = people.iter().filter_map(|person| person.key.as_ref());
    let refused = |key: String| Refused::Signature { role: role.to_owned(), key };
    let mut names = Vec::new();
    for signer in envelope.signers(payload, &keys) {
        let key = signer.map_err(|error| match error {
            SignerError::Unknown(key) => refused(key),
            SignerError::Twice(key) => Refused::SignedTwice(key),
        })?;
        let person = people.iter().find(|person| is_of(person, key));
        names.extend(person.map(|person| person.name.clone()));
    }
    if names.is_empty() { Err(refused("nobody".to_owned())) } else { Ok(names) }
}
