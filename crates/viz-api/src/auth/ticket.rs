//! One-use tickets for browsers, which can't send headers with an event stream.

use std::{collections::HashMap, time::Duration};

use data_encoding::BASE64URL_NOPAD;
use event::MonoMs;
use node_runtime::{Scope, Scopes};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Caller;
use crate::error::{ApiError, Code};

/// How long a ticket is good.
pub(crate) const TICKET_AGE_MAX: Duration = Duration::from_secs(30);

/// Most tickets that wait to be used; a further one is refused until some expire.
const TICKETS_MAX: usize = 100_000;

/// The tickets that wait to be used, by digest.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    waiting: Mutex<HashMap<[u8; 32], (MonoMs, Caller)>>,
}

impl Tickets {
    /// Sells a ticket that may do nothing but subscribe, as long as the caller's credential lives.
    pub(crate) fn sell(&self, caller: Caller, now: MonoMs) -> Result<String, ApiError> {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= TICKETS_MAX {
            waiting.retain(|_, (until, _)| *until > now);
        }
        if waiting.len() >= TICKETS_MAX {
            let message = "too many tickets wait to be used";
            return Err(ApiError::new(Code::RateLimited, message).retry_after(5));
        }
        let ticket = BASE64URL_NOPAD.encode(&rand::random::<[u8; 24]>());
        let scopes = Scopes::none().with(Scope::Subscribe);
        let holder = Caller { scopes, ..caller };
        waiting.insert(Sha256::digest(&ticket).into(), (now.plus(TICKET_AGE_MAX), holder));
        Ok(ticket)
    }

    /// Uses a ticket up.
    pub(crate) fn redeem(&self, ticket: &str, now: MonoMs) -> Result<Caller, ApiError> {
        let digest: [u8; 32] = Sha256::digest(ticket).into();
        let found = self.waiting.lock().remove(&digest);
        found.filter(|(until, _)| *until > now).map(|(_, caller)| caller).ok_or_else(|| {
            ApiError::unauthorized("the ticket is not known, was used, or is older than 30 s")
        })
    }
}
