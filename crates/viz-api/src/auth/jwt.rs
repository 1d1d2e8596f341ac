//! Tokens: RFC 7519 claims, checked by HS256 or by a key set.

use std::sync::Arc;

use event::UnixMs;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use node_runtime::{Scopes, Tasks, settings::JwtVerifier};
use serde::Deserialize;

use super::{
    Caller,
    jwks::{KeySet, NoKey, ReadError},
};
use crate::error::ApiError;

/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// What tokens are checked with.
pub(super) struct Verifiers {
    hs256: Option<DecodingKey>,
    key_sets: Vec<Arc<KeySet>>,
}

impl std::fmt::Debug for Verifiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifiers").field("key_sets", &self.key_sets).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    org_id: String,
    #[serde(default)]
    scope: String,
    /// Seconds, which RFC 7519 allows to have a fraction.
    exp: f64,
    /// Shown in records where it is a text; else it is nobody's business.
    #[serde(default)]
    sub: serde_json::Value,
}

const REFUSED: &str = "the token can't be accepted: its signature, time or claims";

/// When a key set that can't be read is worth another attempt.
const RETRY_AFTER_S: u32 = 5;

impl Verifiers {
    pub(super) fn new(settings: &[JwtVerifier]) -> Self {
        let mut verifiers = Verifiers { hs256: None, key_sets: Vec::new() };
        for verifier in settings {
            match verifier {
                JwtVerifier::Hs256(secret) => {
                    let key = DecodingKey::from_secret(secret.expose().as_bytes());
                    verifiers.hs256 = Some(key);
                }
                JwtVerifier::JwksFile(path) => {
                    verifiers.key_sets.push(Arc::new(KeySet::of_file(path.clone())));
                }
                JwtVerifier::JwksUrl(url) => {
                    verifiers.key_sets.push(Arc::new(KeySet::of_url(url.clone())));
                }
            }
        }
        verifiers
    }

    pub(super) fn spawn_refresh(&self, tasks: &Tasks) {
        for key_set in &self.key_sets {
            tasks.spawn("jwks", Arc::clone(key_set).keep_fresh(tasks.shutdown()));
        }
    }

    /// Reads the key sets that are files.
    pub(super) async fn read_files(&self) -> Result<(), ReadError> {
        for key_set in &self.key_sets {
            key_set.read_file().await?;
        }
        Ok(())
    }

    /// Checks a token and returns who it is from.
    pub(super) async fn verify(&self, token: &str) -> Result<Caller, ApiError> {
        let refused = || ApiError::unauthorized(REFUSED);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refused());
        }
        let header = decode_header(token).map_err(|_| refused())?;
        if header.crit.is_some() {
            // RFC 7515, 4.1.11: what must be understood and is not makes a token invalid, and we
            // understand no extension.
            return Err(refused());
        }
        let claims = if header.alg == Algorithm::HS256 {
            let key = self.hs256.as_ref().ok_or_else(refused)?;
            claims(token, key, Algorithm::HS256).ok_or_else(refused)?
        } else {
            self.by_key_set(token, &header).await?.ok_or_else(refused)?
        };
        caller(&claims).ok_or_else(refused)
    }

    async fn by_key_set(&self, token: &str, header: &Header) -> Result<Option<Claims>, ApiError> {
        let mut unreadable = false;
        for key_set in &self.key_sets {
            match key_set.key(header).await {
                Ok(key) => return Ok(claims(token, &key, header.alg)),
                Err(reason) => unreadable |= reason == NoKey::Unreadable,
            }
        }
        if unreadable {
            // Not 401: the token may well be good, and a client throws away what is refused.
            let message = "the key of this token can't be looked up now";
            return Err(ApiError::unavailable(message).retry_after(RETRY_AFTER_S));
        }
        Ok(None)
    }
}

fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Claims> {
    let mut validation = Validation::new(algorithm);
    validation.validate_nbf = true;
    validation.validate_aud = false;
    // A stream ends with its token; a token must not outlive its own time elsewhere either.
    validation.leeway = 0;
    decode::<Claims>(token, key, &validation).ok().map(|token| token.claims)
}

fn caller(claims: &Claims) -> Option<Caller> {
    let known = |scopes: Scopes, word: &str| match word.parse() {
        Ok(scope) => scopes.with(scope),
        // Scopes of other services are no business of ours.
        Err(_) => scopes,
    };
    Some(Caller {
        org: claims.org_id.parse().ok()?,
        name: claims.sub.as_str().map(Into::into),
        scopes: claims.scope.split_ascii_whitespace().fold(Scopes::none(), known),
        expires: Some(UnixMs((claims.exp * 1000.0) as u64)),
    })
}
