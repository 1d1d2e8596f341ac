//! C2SP signed notes: a text that ends in a newline, an empty line, and signatures.

use std::{fmt, str::FromStr};

use data_encoding::BASE64;

use crate::{KeyName, Signer, Verifier};

/// The most signatures that a note may have; a verifier has to take at least 16.
const SIGNATURES_MAX: usize = 100;

/// The longest note, in bytes.
const NOTE_BYTES_MAX: usize = 1 << 20;

/// A text with signatures, of which nobody has checked any yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature with the key that is said to have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: KeyName,
    /// The key's number.
    pub id: u32,
    /// The signature's bytes.
    pub bytes: Vec<u8>,
}

/// A note that can't be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of one.
    #[error("it has not the form of a signed note")]
    Malformed,
    /// Its text can't be signed.
    #[error("a note's text ends in a newline and has no control characters")]
    Text,
    /// A key that is known has not made the signature that it is said to have made.
    #[error("the signature of {0} is wrong")]
    Wrong(String),
    /// No known key has signed it.
    #[error("no known key has signed it")]
    Unknown,
}

impl NoteSignature {
    fn is_of(&self, key: &Verifier) -> bool {
        self.name == *key.name() && self.id == key.id()
    }

    /// Returns `NAME+ID` of the key.
    pub fn key_id(&self) -> String {
        format!("{}+{:08x}", self.name, self.id)
    }
}

impl Note {
    /// Returns a note that nobody has signed yet.
    ///
    /// # Errors
    /// Fails where the text does not end in a newline, or has control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        let is_control = |byte: u8| byte < 0x20 && byte != b'\n';
        if !text.ends_with('\n') || text.bytes().any(is_control) || text.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Text);
        }
        Ok(Note { text, signatures: Vec::new() })
    }

    /// Adds a signature.
    #[must_use]
    pub fn signed(mut self, signer: &Signer) -> Self {
        let key = signer.verifier();
        let bytes = signer.sign(self.text.as_bytes());
        self.signatures.push(NoteSignature { name: key.name().clone(), id: key.id(), bytes });
        self
    }

    /// Returns the text that was signed. It means nothing before [`Note::open`] has succeeded.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the signatures.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Returns the known keys that have signed it. Signatures of others are passed over.
    ///
    /// # Errors
    /// Fails where no known key has signed it, or the signature of one is wrong.
    pub fn open<'k>(&self, known: &[&'k Verifier]) -> Result<Vec<&'k Verifier>, NoteError> {
        let mut signers: Vec<&Verifier> = Vec::new();
        for signature in &self.signatures {
            let key = known.iter().find(|key| signature.is_of(key));
            let Some(key) = key else { continue };
            if !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::Wrong(key.key_id()));
            }
            if !signers.contains(key) {
                signers.push(key);
            }
        }
        if signers.is_empty() { Err(NoteError::Unknown) } else { Ok(signers) }
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let mut parsed = Note::new(text).map_err(|_| NoteError::Malformed)?;
        for line in lines.split('\n') {
            parsed.signatures.push(signature(line).ok_or(NoteError::Malformed)?);
        }
        let is_too_long = parsed.signatures.len() > SIGNATURES_MAX;
        if is_too_long { Err(NoteError::Malformed) } else { Ok(parsed) }
    }
}

fn signature(line: &str) -> Option<NoteSignature> {
    let (name, data) = line.strip_prefix("— ")?.split_once(' ')?;
    let data = BASE64.decode(data.as_bytes()).ok()?;
    let (id, bytes) = data.split_first_chunk::<4>()?;
    if bytes.is_empty() {
        return None;
    }
    let (name, id) = (name.parse().ok()?, u32::from_be_bytes(*id));
    Some(NoteSignature { name, id, bytes: bytes.to_vec() })
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            let mut data = signature.id.to_be_bytes().to_vec();
            data.extend(&signature.bytes);
            writeln!(f, "— {} {}", signature.name, BASE64.encode(&data))?;
        }
        Ok(())
    }
}
