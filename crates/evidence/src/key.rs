//! Ed25519 keys in the text form of signed notes.
//!
//! A public key is `NAME+ID+BASE64(0x01 ‖ 32 bytes)`, a private one `PRIVATE+KEY+NAME+ID+BASE64(0x01 ‖
//! seed)`, where ID is 8 hexadecimal digits: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖
//! public key). Source: C2SP signed-note, and Go's package `golang.org/x/mod/sumdb/note`, which gives
//! the text of keys.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Serialize, Serializer};

use crate::{Hash, is_visible};

/// The signature type of plain Ed25519.
const ED25519_TYPE: u8 = 0x01;

const PRIVATE: &str = "PRIVATE+KEY+";

/// Public keys, without the bit of the sign, for which anybody can make a signature: points of an order
/// up to 8, and the ways to write them that are not the canonical ones. Source: libsodium,
/// `ge25519_has_small_order`, whose list it is.
const SMALL_ORDER: [[u8; 32]; 7] = [
    point(0x00, 0x00, 0x00),
    point(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    point(0xec, 0xff, 0x7f),
    point(0xed, 0xff, 0x7f),
    point(0xee, 0xff, 0x7f),
];

const fn point(first: u8, inner: u8, last: u8) -> [u8; 32] {
    let mut bytes = [inner; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// Whose key it is; a name of characters that can be seen, without spaces, `+`, `#` and `,`, which mean
/// something in a file of keys; best an address without a scheme, as `example.com/alice`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: KeyName,
    id: u32,
    public: [u8; 32],
}

/// A private key.
pub struct Signer {
    verifier: Verifier,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name can't be one.
    #[error(
        "a key's name is not empty and has no spaces, no `+`, `#` or `,`, and nothing that can't be seen"
    )]
    Name,
    /// It has not the form of one.
    #[error("a key is NAME+ID+BASE64, a private one with PRIVATE+KEY+ before it")]
    Form,
    /// It is for another algorithm.
    #[error("the key is not one of Ed25519")]
    Algorithm,
    /// Its id is that of another key.
    #[error("the key's id does not fit its name and its bytes")]
    Id,
    /// Anybody can sign for it.
    #[error("the key is a point of small order, for which anybody can make a signature")]
    SmallOrder,
    /// The machine gives no random numbers.
    #[error("no random numbers can be had")]
    Random,
}

impl KeyName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let is_bad = |c: char| c.is_whitespace() || !is_visible(c) || "+#,".contains(c);
        if text.is_empty() || text.contains(is_bad) {
            return Err(KeyError::Name);
        }
        Ok(KeyName(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Verifier {
    fn new(name: KeyName, public: [u8; 32]) -> Self {
        let mut text = Vec::from(name.0.as_bytes());
        text.extend([b'\n', ED25519_TYPE]);
        text.extend(public);
        let [a, b, c, d, ..] = Hash::of(&text).0;
        Verifier { name, id: u32::from_be_bytes([a, b, c, d]), public }
    }

    /// Returns whose key it is.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Returns the number that tells apart keys of one name.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Returns the public key's bytes.
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Returns `NAME+ID`, by which envelopes name it.
    pub fn key_id(&self) -> String {
        format!("{}+{:08x}", self.name, self.id)
    }

    /// Returns whether the signature is this key's over these bytes.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }
}

/// Splits `NAME+ID+BASE64` and checks everything but the id.
fn parse(text: &str) -> Result<(KeyName, u32, [u8; 32]), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    let id = HEXLOWER.decode(id.as_bytes()).map_err(|_| KeyError::Form)?;
    let id = id.try_into().map(u32::from_be_bytes).map_err(|_| KeyError::Form)?;
    let data = BASE64.decode(data.as_bytes()).map_err(|_| KeyError::Form)?;
    let (first, bytes) = data.split_first().ok_or(KeyError::Form)?;
    if *first != ED25519_TYPE {
        return Err(KeyError::Algorithm);
    }
    Ok((name.parse()?, id, bytes.try_into().map_err(|_| KeyError::Form)?))
}

impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, public) = parse(text)?;
        let mut unsigned = public;
        unsigned[31] &= 0x7f;
        if SMALL_ORDER.contains(&unsigned) {
            return Err(KeyError::SmallOrder);
        }
        let verifier = Verifier::new(name, public);
        if verifier.id == id { Ok(verifier) } else { Err(KeyError::Id) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = vec![ED25519_TYPE];
        data.extend(self.public);
        write!(f, "{}+{}", self.key_id(), BASE64.encode(&data))
    }
}

impl Serialize for Verifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Signer {
    /// Makes a new key.
    ///
    /// # Errors
    /// Fails where the machine gives no random numbers.
    pub fn generate(name: KeyName) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| KeyError::Random)?;
        Signer::from_seed(name, seed)
    }

    /// Returns the key of a seed.
    ///
    /// # Errors
    /// Fails where no key follows from the seed.
    pub fn from_seed(name: KeyName, seed: [u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Form)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Form)?;
        Ok(Signer { verifier: Verifier::new(name, public), seed, pair })
    }

    /// Returns its public key.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs bytes. The same bytes give the same signature (RFC 8032).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// Returns the text of the private key, for the one file that holds it.
    pub fn to_private_text(&self) -> String {
        let mut data = vec![ED25519_TYPE];
        data.extend(self.seed);
        format!("{PRIVATE}{}+{}", self.verifier.key_id(), BASE64.encode(&data))
    }
}

impl FromStr for Signer {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, seed) = parse(text.strip_prefix(PRIVATE).ok_or(KeyError::Form)?)?;
        let signer = Signer::from_seed(name, seed)?;
        if signer.verifier.id == id { Ok(signer) } else { Err(KeyError::Id) }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the private key of {}", self.verifier.key_id())
    }
}
