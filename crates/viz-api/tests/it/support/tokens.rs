//! Keys and tokens, made anew for each run.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A secret of the shortest length that is allowed.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The time now, in whole seconds.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

/// Claims that are accepted.
pub(crate) fn claims(scope: &str) -> Value {
    json!({"sub": "user-1", "org_id": "org_a", "scope": scope, "exp": now_s() + 600})
}

/// Signs with the secret.
pub(crate) fn hs256(claims: &Value) -> String {
    signed(Algorithm::HS256, None, claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

pub(crate) fn signed(
    algorithm: Algorithm,
    kid: Option<&str>,
    claims: &Value,
    key: &EncodingKey,
) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).expect("the key is of the algorithm")
}

/// What PKCS #8 (RFC 5208) puts before the PKCS #1 key of 2,048 bits that it wraps.
const PKCS8_HEAD_BYTES: usize = 26;

/// A pair of keys: one signs, the other stands in a key set.
pub(crate) struct Pair {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) signing: EncodingKey,
    /// The public key, as a key set has it.
    pub(crate) jwk: Value,
    /// The public key's bytes.
    pub(crate) public: Vec<u8>,
}

impl Pair {
    pub(crate) fn ec(kid: &str) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .expect("the system has randomness");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
            .expect("it was just made");
        let public = pair.public_key().as_ref().to_vec();
        // SEC 1, 2.3.3: a byte 4, then both coordinates.
        let (x, y) = public[1..].split_at(32);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid,
            "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y),
        });
        let signing = EncodingKey::from_ec_der(pkcs8.as_ref());
        Pair { algorithm: Algorithm::ES256, kid: kid.to_owned(), signing, jwk, public }
    }

    pub(crate) fn rsa(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("the system has randomness");
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().expect("it was just made");
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let jwk = json!({
            "kty": "RSA", "kid": kid,
            "n": BASE64URL_NOPAD.encode(&modulus), "e": BASE64URL_NOPAD.encode(&exponent),
        });
        let signing = EncodingKey::from_rsa_der(&pkcs8.as_ref()[PKCS8_HEAD_BYTES..]);
        Pair { algorithm: Algorithm::RS256, kid: kid.to_owned(), signing, jwk, public: modulus }
    }

    /// Signs a token whose header names this key.
    pub(crate) fn token(&self, claims: &Value) -> String {
        signed(self.algorithm, Some(&self.kid), claims, &self.signing)
    }
}

/// Writes a key set.
pub(crate) fn key_set(pairs: &[&Pair]) -> String {
    let keys: Vec<_> = pairs.iter().map(|pair| &pair.jwk).collect();
    json!({ "keys": keys }).to_string()
}
