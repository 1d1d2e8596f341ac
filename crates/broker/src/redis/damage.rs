//! Logs under whose keys stands what is not ours, as calls meet it while the server runs.
//!
//! Redis itself refuses each call that meets it: nothing is kept from a log here. What is kept is
//! that it is so, for health and alarms, until a look at all of its keys finds nothing any more.

use std::collections::BTreeMap;

use event::StreamName;
use parking_lot::Mutex;

use super::{RedisBroker, answer::Words, failure::Failure, library::Function, run::Refusal};

/// Most logs that are kept; of further ones each call says so, and health does not.
const DAMAGED_MAX: usize = 10_000;

/// The logs, and why they can't be used.
#[derive(Default)]
pub(super) struct Damaged(Mutex<BTreeMap<StreamName, String>>);

impl Damaged {
    fn note(&self, stream: &StreamName, reason: &str) {
        let mut damaged = self.0.lock();
        if damaged.get(stream).is_some_and(|known| known == reason) || damaged.len() >= DAMAGED_MAX
        {
            return;
        }
        tracing::error!(%stream, %reason, "the stream can't be used");
        damaged.insert(stream.clone(), reason.to_owned());
    }

    fn forget(&self, stream: &StreamName) {
        if self.0.lock().remove(stream).is_some() {
            tracing::info!(%stream, "the stream can be used again");
        }
    }

    fn all(&self) -> Vec<Refusal> {
        let damaged = self.0.lock();
        let refusal = |(stream, reason): (&StreamName, &String)| Refusal {
            stream: stream.clone(),
            reason: reason.clone(),
        };
        damaged.iter().map(refusal).collect()
    }
}

impl RedisBroker {
    /// Returns the answer of a call; where it met what is not ours, with the key that this is, and the
    /// log counts as damaged.
    pub(super) async fn noting<T>(
        &self,
        stream: &StreamName,
        answered: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let failure = match answered {
            Err(failure) if failure.is_of_log => failure,
            answered => return answered,
        };
        if self.refused().iter().any(|refusal| refusal.stream == *stream) {
            // It is known since the server began anew.
            return Err(failure);
        }
        let reason = match self.check_log(stream).await {
            Err(found) if found.is_of_log => found.reason,
            // It is in what the key holds, or gone meanwhile.
            _ => failure.reason,
        };
        self.damaged.note(stream, &reason);
        Err(Failure { reason, ..failure })
    }

    /// Looks again at the logs that are damaged.
    pub(crate) async fn look_at_damaged(&self) {
        for Refusal { stream, .. } in self.damaged.all() {
            match self.check_log(&stream).await {
                Ok(()) => self.damaged.forget(&stream),
                Err(found) if found.is_of_log => self.damaged.note(&stream, &found.reason),
                Err(_) => return,
            }
        }
    }

    /// Takes in that a log took an append.
    pub(super) fn found_sound(&self, stream: &StreamName) {
        self.damaged.forget(stream);
    }

    /// Returns the logs that can't be used for what stands under their keys.
    pub(crate) fn unusable(&self) -> Vec<Refusal> {
        let mut unusable = self.refused();
        let is_new = |damaged: &Refusal| unusable.iter().all(|r| r.stream != damaged.stream);
        let damaged: Vec<_> = self.damaged.all().into_iter().filter(is_new).collect();
        unusable.extend(damaged);
        unusable
    }

    /// Looks at every key of a log.
    ///
    /// # Errors
    /// Fails with the key where one is not ours, or does not agree with the others.
    pub(crate) async fn check_log(&self, stream: &StreamName) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let keys = [
            names.stream.as_str(),
            &names.meta,
            &names.ages,
            &names.digests,
            &names.done,
            &names.queue,
            &names.branches,
            &names.heal,
        ];
        let answered = self.call(&names, Function::Check, &keys, &|_, _| {}).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "sound" => Ok(()),
            "kind" => {
                let (key, kind, ours) = (words.text()?, words.text()?, words.text()?);
                Err(Failure::of_log(format!(
                    "the key `{key}` holds another program's data (a {kind}, where ours is a \
                     {ours}); move it away, or delete it"
                )))
            }
            _ => Err(words.unexpected()),
        }
    }
}
