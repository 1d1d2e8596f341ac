//! DSSE envelopes: bytes of a type, with signatures over both.
//!
//! Source: DSSE protocol 1.0.0 and its JSON envelope.

use data_encoding::{BASE64, BASE64URL};
use serde::{Deserialize, Serialize};

use crate::{Signer, Verifier, object};

/// The payload type of in-toto statements.
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A payload with signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload: String,
    payload_type: String,
    #[serde(deserialize_with = "object::list")]
    signatures: Vec<EnvelopeSignature>,
}

/// A signature; who is said to have made it is a hint and nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The key, as `NAME+ID`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keyid: String,
    /// The signature in base64.
    pub sig: String,
}

impl EnvelopeSignature {
    /// Returns the signature's bytes.
    ///
    /// # Errors
    /// Fails where it is not base64.
    pub fn bytes(&self) -> Result<Vec<u8>, DsseError> {
        decode(&self.sig)
    }
}

/// A signature that does not count; each says which key is said to have made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// It is none of a known key over these bytes.
    #[error("the signature of {0} is not one of a known key over these bytes")]
    Unknown(String),
    /// The same key signed before.
    #[error("{0} signed it twice")]
    Twice(String),
}

/// An envelope that can't be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    /// Its payload or a signature is not base64.
    #[error("it is not base64")]
    Base64,
    /// Its type is not understood.
    #[error("its payload type {0:?} is not understood")]
    PayloadType(String),
    /// Too few known keys have signed it.
    #[error("{signed} known keys have signed it, {needed} are needed")]
    TooFew {
        /// How many have.
        signed: usize,
        /// How many have to.
        needed: usize,
    },
}

/// Returns the bytes that are signed: type and payload with their lengths.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (type_bytes, payload_bytes) = (payload_type.len(), payload.len());
    let mut bytes = format!("DSSEv1 {type_bytes} {payload_type} {payload_bytes} ").into_bytes();
    bytes.extend(payload);
    bytes
}

/// Decodes either alphabet, as a verifier has to.
fn decode(text: &str) -> Result<Vec<u8>, DsseError> {
    let (standard, url) = (BASE64.decode(text.as_bytes()), BASE64URL.decode(text.as_bytes()));
    standard.or(url).map_err(|_| DsseError::Base64)
}

impl Envelope {
    /// Returns a payload that nobody has signed yet.
    pub fn new(payload_type: &str, payload: &[u8]) -> Self {
        let (payload, payload_type) = (BASE64.encode(payload), payload_type.to_owned());
        Envelope { payload, payload_type, signatures: Vec::new() }
    }

    /// Adds a signature.
    ///
    /// # Errors
    /// Fails where the payload is not base64.
    pub fn signed(mut self, signer: &Signer) -> Result<Self, DsseError> {
        let sig = BASE64.encode(&signer.sign(&pae(&self.payload_type, &self.payload()?)));
        self.signatures.push(EnvelopeSignature { keyid: signer.verifier().key_id(), sig });
        Ok(self)
    }

    /// Returns the payload. It means nothing before [`Envelope::verify`] has succeeded.
    ///
    /// # Errors
    /// Fails where it is not base64.
    pub fn payload(&self) -> Result<Vec<u8>, DsseError> {
        decode(&self.payload)
    }

    /// Returns the payload's type.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// Returns the signatures.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// Returns for each signature the key that it names and that made it, or why it does not count:
    /// nothing is passed over, and each key counts once.
    pub fn signers<'k>(
        &self,
        payload: &[u8],
        known: &(impl Iterator<Item = &'k Verifier> + Clone),
    ) -> Vec<Result<&'k Verifier, SignerError>> {
        let message = pae(&self.payload_type, payload);
        let mut signers: Vec<Result<&Verifier, SignerError>> = Vec::new();
        for signature in &self.signatures {
            let name = &signature.keyid;
            let made = |key: &&Verifier| {
                key.key_id() == *name
                    && signature.bytes().is_ok_and(|bytes| key.verifies(&message, &bytes))
            };
            signers.push(match known.clone().find(made) {
                None => Err(SignerError::Unknown(name.clone())),
                Some(key) if signers.contains(&Ok(key)) => Err(SignerError::Twice(name.clone())),
                Some(key) => Ok(key),
            });
        }
        signers
    }

    /// Returns the known keys that have signed it, as the protocol has it: each is counted once, and
    /// other signatures are passed over. Evidence passes nothing over: see [`Envelope::signers`].
    ///
    /// # Errors
    /// Fails where the type is none of those that are understood, or too few known keys have signed.
    pub fn verify<'k>(
        &self,
        known: &[&'k Verifier],
        needed: usize,
        understood: &[&str],
    ) -> Result<Vec<&'k Verifier>, DsseError> {
        let message = pae(&self.payload_type, &self.payload()?);
        let mut signers: Vec<&Verifier> = Vec::new();
        for signature in &self.signatures {
            let key = find(known, &message, signature)?;
            signers.extend(key.filter(|key| !signers.contains(key)));
        }
        if !understood.contains(&self.payload_type.as_str()) {
            return Err(DsseError::PayloadType(self.payload_type.clone()));
        }
        if signers.len() < needed.max(1) {
            return Err(DsseError::TooFew { signed: signers.len(), needed: needed.max(1) });
        }
        Ok(signers)
    }
}

/// Returns the key that made a signature; the one that it names is tried first.
fn find<'k>(
    known: &[&'k Verifier],
    message: &[u8],
    signature: &EnvelopeSignature,
) -> Result<Option<&'k Verifier>, DsseError> {
    let bytes = signature.bytes()?;
    let named = known.iter().copied().find(|key| key.key_id() == signature.keyid);
    let others = known.iter().copied().filter(|_| named.is_none());
    Ok(named.into_iter().chain(others).find(|key| key.verifies(message, &bytes)))
}
