//! A set of public keys (RFC 7517) in a file or behind a URL, read again when keys rotate.

use std::{error::Error, path::PathBuf, time::Duration};

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse},
};
use node_runtime::{Shutdown, settings::Secret};
use parking_lot::RwLock;
use tokio::{sync::Mutex, time::Instant};

/// How often a set is read again by itself.
const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// The least time between two readings that unknown key ids cause.
const REFRESH_GAP_MIN: Duration = Duration::from_secs(5);

const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
const SET_BYTES_MAX: usize = 1 << 20;

/// A key set that can change.
#[derive(Debug)]
pub(super) struct KeySet {
    source: Source,
    keys: RwLock<JwkSet>,
    last_read: Mutex<Option<Instant>>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Secret),
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
            last_read: Mutex::default(),
        }
    }

    /// Returns the key that a token's header names; an unknown one makes the set be read again.
    pub(super) async fn key(&self, header: &Header) -> Option<DecodingKey> {
        if let Some(key) = self.known(header) {
            return Some(key);
        }
        self.refresh(REFRESH_GAP_MIN).await;
        self.known(header)
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

    /// Reads the set now and then, until the process ends.
    pub(super) async fn keep_fresh(self: std::sync::Arc<Self>, mut end: Shutdown) {
        loop {
            tokio::select! {
                () = self.refresh(REFRESH_GAP_MIN) => {}
                () = end.asked() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(REFRESH_EVERY) => {}
                () = end.asked() => return,
            }
        }
    }

    /// Reads the set, unless it was read just now; the keys of before stay where that fails.
    async fn refresh(&self, gap_min: Duration) {
        let mut last_read = self.last_read.lock().await;
        if last_read.is_some_and(|at| at.elapsed() < gap_min) {
            return;
        }
        // Noted only when it is done: a request that goes away must not hold up the next one's.
        let read = self.read().await;
        *last_read = Some(Instant::now());
        match read {
            Ok(keys) => *self.keys.write() = keys,
            Err(error) => {
                tracing::error!(
                    error = &*error,
                    "the key set could not be read; the last one stays"
                );
            }
        }
    }

    async fn read(&self) -> Result<JwkSet, Box<dyn Error + Send + Sync>> {
        let bytes = match &self.source {
            Source::File(path) => tokio::fs::read(path).await?,
            // The address may hold a password, and the error goes to the log.
            Source::Url(url) => fetch(url.expose()).await.map_err(reqwest::Error::without_url)?,
        };
        Ok(serde_json::from_slice(&bytes)?)
    }
}

async fn fetch(url: &str) -> Result<Vec<u8>, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(FETCH_TIME_MAX).build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > SET_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
