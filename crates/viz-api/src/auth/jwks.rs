//! A set of public keys (RFC 7517) in a file or behind a URL, read again when keys rotate.
//!
//! One task reads, whoever asks: any number of tokens with unknown keys wait for one reading, and
//! one that goes away takes nothing along.

mod source;

use std::{path::PathBuf, sync::Arc, time::Duration};

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse},
};
use node_runtime::{Shutdown, settings::Secret};
use parking_lot::RwLock;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

pub(super) use self::source::ReadError;
use self::source::Source;

/// How often a set is read again by itself.
const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// The least time between two readings that unknown keys cause.
const REFRESH_GAP_MIN: Duration = Duration::from_secs(5);

/// How long a token with an unknown key waits for the set to be read.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// A key set that can change.
#[derive(Debug)]
pub(super) struct KeySet {
    source: Source,
    keys: RwLock<JwkSet>,
    /// How the last reading ended; written by whoever reads.
    last: watch::Sender<Option<Reading>>,
    /// Asks for a reading.
    wanted: Notify,
}

/// A reading that has ended.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    succeeded: bool,
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The set was just read and does not have it.
    Unknown,
    /// The set that is known does not have it, and can't be read now.
    Unreadable,
}

impl KeySet {
    pub(super) fn of_file(path: PathBuf) -> Self {
        KeySet::new(Source::File(path))
    }

    pub(super) fn of_url(url: Secret) -> Self {
        KeySet::new(Source::Url(url))
    }

    fn new(source: Source) -> Self {
        KeySet {
            source,
            keys: RwLock::new(JwkSet { keys: Vec::new() }),
            last: watch::Sender::new(None),
            wanted: Notify::new(),
        }
    }

    /// Reads the set where it is a file, which is there or a slip in the settings; a URL may only
    /// be late.
    pub(super) async fn read_file(&self) -> Result<(), ReadError> {
        match self.source {
            Source::File(_) => self.read().await,
            Source::Url(_) => Ok(()),
        }
    }

    /// Returns the key that a token's header names; an unknown one makes the set be read again.
    ///
    /// # Cancel safety
    /// A reading that was asked for goes on when the future is dropped.
    pub(super) async fn key(&self, header: &Header) -> Result<DecodingKey, NoKey> {
        if let Some(key) = self.known(header) {
            return Ok(key);
        }
        let mut last = self.last.subscribe();
        if !last.borrow_and_update().is_some_and(Reading::is_recent) {
            self.wanted.notify_one();
            // Its end is the only news there is; without it the set counts as unreadable.
            let _ = timeout(WAIT_MAX, last.changed()).await;
        }
        let is_fresh = last.borrow().is_some_and(|last| last.succeeded && last.is_recent());
        let missing = if is_fresh { NoKey::Unknown } else { NoKey::Unreadable };
        self.known(header).ok_or(missing)
    }

    fn known(&self, header: &Header) -> Option<DecodingKey> {
        let keys = self.keys.read();
        let jwk = match &header.kid {
            Some(kid) => keys.find(kid)?,
            // A set of one key needs no name for it.
            None => keys.keys.first().filter(|_| keys.keys.len() == 1)?,
        };
        if fits(jwk, header.alg) { DecodingKey::from_jwk(jwk).ok() } else { None }
    }

    /// Reads the set now and then and when it is wanted, until the process ends.
    pub(super) async fn keep_fresh(self: Arc<Self>, mut end: Shutdown) {
        loop {
            tokio::select! {
                () = self.until_due() => {}
                () = end.asked() => return,
            }
            tokio::select! {
                read = self.read() => report(read),
                () = end.asked() => return,
            }
        }
    }

    async fn until_due(&self) {
        let Some(last) = *self.last.borrow() else { return };
        let wanted = async {
            loop {
                self.wanted.notified().await;
                if !last.is_recent() {
                    return;
                }
            }
        };
        tokio::select! {
            () = wanted => {}
            () = sleep(REFRESH_EVERY) => {}
        }
    }

    /// Reads the set; the keys of before stay where that fails.
    async fn read(&self) -> Result<(), ReadError> {
        let read = self.source.read().await;
        let succeeded = read.is_ok();
        let read = read.map(|keys| *self.keys.write() = keys);
        self.last.send_replace(Some(Reading { at: Instant::now(), succeeded }));
        read
    }
}

impl Reading {
    fn is_recent(self) -> bool {
        self.at.elapsed() < REFRESH_GAP_MIN
    }
}

fn report(read: Result<(), ReadError>) {
    if let Err(error) = read {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the key set could not be read; the last one stays");
    }
}

/// A key is used for signatures, and with its own kind of algorithm only, so that a public key
/// never becomes a secret.
fn fits(jwk: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return false;
    }
    match jwk.algorithm {
        AlgorithmParameters::RSA(_) => {
            matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        AlgorithmParameters::EllipticCurve(_) => matches!(algorithm, ES256 | ES384),
        AlgorithmParameters::OctetKeyPair(_) => matches!(algorithm, EdDSA),
        _ => false,
    }
}
