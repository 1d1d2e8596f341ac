//! State as it was answered once: kept while a source is asked, and given again without it.

use std::{
    collections::HashMap,
    fmt::{self, Debug, Formatter},
    sync::{Arc, Mutex, PoisonError},
};

use alloy_primitives::B256;
use chain::BlockRef;
use futures_util::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};

use crate::{Fetched, StateError, StateKey, StateSource, StateValue};

/// One answer of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateAnswer {
    /// The block behind which it stands.
    pub block: BlockRef,
    /// What was asked for.
    pub key: StateKey,
    /// What was said.
    #[serde(flatten)]
    pub said: Said,
}

/// What a source said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// What stands there.
    Value(StateValue),
    /// Why that is not known.
    Error(StateError),
}

/// A source that remembers what another one answers, until it is taken.
pub struct StateRecorder {
    source: Arc<dyn StateSource>,
    answers: Mutex<Vec<StateAnswer>>,
}

impl StateRecorder {
    /// Returns one that asks this source.
    pub fn new(source: Arc<dyn StateSource>) -> StateRecorder {
        StateRecorder { source, answers: Mutex::default() }
    }

    /// Returns what was answered since this was last called. Nothing bounds what is remembered in
    /// between but the questions: take it behind each piece of work.
    pub fn take(&self) -> Vec<StateAnswer> {
        std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Debug for StateRecorder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateRecorder").finish_non_exhaustive()
    }
}

impl StateSource for StateRecorder {
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched> {
        async move {
            let fetched = self.source.fetch(at, keys).await;
            let answers = keys.iter().zip(&fetched).map(|(key, result)| StateAnswer {
                block: at,
                key: *key,
                said: match result {
                    Ok(value) => Said::Value(value.clone()),
                    Err(error) => Said::Error(*error),
                },
            });
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).extend(answers);
            fetched
        }
        .boxed()
    }
}

/// A source that knows what was answered once, and nothing else: that is [`StateError::Unavailable`].
#[derive(Clone, Debug, Default)]
pub struct RecordedState {
    answers: HashMap<(B256, StateKey), Result<StateValue, StateError>>,
}

impl RecordedState {
    /// Adds an answer. A value stays where an error is told of the same thing: it was asked again.
    pub fn add(&mut self, answer: StateAnswer) {
        let StateAnswer { block, key, said } = answer;
        let known = self.answers.entry((block.hash, key)).or_insert(Err(StateError::Unavailable));
        match said {
            Said::Value(value) => *known = Ok(value),
            Said::Error(error) if known.is_err() => *known = Err(error),
            Said::Error(_) => {}
        }
    }

    /// Returns how many things are known.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

impl StateSource for RecordedState {
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched> {
        let answer = |key: &StateKey| {
            let known = self.answers.get(&(at.hash, *key)).cloned();
            known.unwrap_or(Err(StateError::Unavailable))
        };
        std::future::ready(keys.iter().map(answer).collect()).boxed()
    }
}

#[cfg(test)]
mod tests;
