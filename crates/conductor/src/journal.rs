//! The journal's lines: `N LENGTH CHAIN JSON`, each chained to all before it.
//!
//! `N` counts from 0, `LENGTH` is that of the JSON in bytes, both in decimal digits, six at least.
//! `CHAIN` is SHA-256(the chain before ‖ `N LENGTH ` ‖ JSON) in hexadecimal digits; the chain before
//! the first line is SHA-256(`tidegate.journal.v1\n`). A line ends with a newline and is written in
//! exactly one way, so that every changed byte is found. What a crash left unfinished is only ever
//! the end of the file, without a newline.

use data_encoding::HEXLOWER;
use evidence::{ENTRY_BYTES_MAX, Hash, Tree};
use sha2::{Digest, Sha256};

use crate::Entry;

/// What the chain begins with.
const START: &[u8] = b"tidegate.journal.v1\n";

/// The digits of a chain.
const CHAIN_DIGITS: usize = 64;

/// Where a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// How many entries there are.
    pub entries: u64,
    /// The chain over all of them.
    pub chain: Hash,
}

impl Default for Tip {
    fn default() -> Self {
        Tip { entries: 0, chain: Hash::of(START) }
    }
}

/// A journal that was read.
#[derive(Debug)]
pub struct JournalRead {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where they end.
    pub tip: Tip,
    /// Their JSON, a line each: the lines of an evidence log.
    pub lines: Vec<u8>,
    /// The same as the leaves of a tree (RFC 6962).
    pub tree: Tree,
    /// Bytes of whole entries.
    pub whole_bytes: u64,
    /// Bytes behind them, of an entry that was not written to its end.
    pub torn_bytes: u64,
}

/// A journal that was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the journal: {why}")]
pub struct Damage {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: DamageKind,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// It has not the form of one.
    #[error("it is not `N LENGTH CHAIN JSON`")]
    Form,
    /// It is not the one that comes here.
    #[error("its number is not {0}, the next one")]
    Number(u64),
    /// It has not as many bytes as it says.
    #[error("its JSON has not the length that it says")]
    Length,
    /// It or one before it is another than was written.
    #[error("its chain does not follow from it and the lines before it")]
    Chain,
    /// Its JSON is no entry.
    #[error("its JSON is no entry: {0}")]
    Entry(String),
}

fn head(tip: Tip, length: usize) -> String {
    format!("{:06} {length:06} ", tip.entries)
}

fn chain(before: Hash, head: &str, json: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(before.0);
    hasher.update(head);
    hasher.update(json);
    Hash(hasher.finalize().into())
}

/// Writes a line behind a tip, and returns it with the new tip. The JSON has no newline.
pub(crate) fn line(tip: Tip, json: &[u8]) -> (Vec<u8>, Tip) {
    let head = head(tip, json.len());
    let chain = chain(tip.chain, &head, json);
    let mut line = Vec::with_capacity(head.len() + CHAIN_DIGITS + json.len() + 2);
    line.extend_from_slice(head.as_bytes());
    line.extend_from_slice(HEXLOWER.encode(&chain.0).as_bytes());
    line.push(b' ');
    line.extend_from_slice(json);
    line.push(b'\n');
    (line, Tip { entries: tip.entries + 1, chain })
}

/// Writes an entry behind a tip, and returns the line with the new tip.
///
/// # Errors
/// Fails where no JSON can be made of it.
pub fn encode(tip: Tip, entry: &Entry) -> Result<(Vec<u8>, Tip), serde_json::Error> {
    Ok(line(tip, &entry.to_json(tip.entries)?))
}

/// Reads a journal. What stands behind the last newline is torn, unless it is a whole line and more.
///
/// # Errors
/// Fails with the first line that is not as it was written.
pub fn read(bytes: &[u8]) -> Result<JournalRead, Damage> {
    let mut read = JournalRead {
        entries: Vec::new(),
        lines: Vec::new(),
        tip: Tip::default(),
        tree: Tree::default(),
        whole_bytes: 0,
        torn_bytes: 0,
    };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let number = read.tip.entries + 1;
        let damage = |why| Damage { line: number, why };
        let Some(content) = line.strip_suffix(b"\n") else {
            read.torn_bytes = line.len() as u64;
            if is_whole_and_more(read.tip, line) {
                return Err(damage(DamageKind::Length));
            }
            break;
        };
        let (json, tip) = check(read.tip, content).map_err(damage)?;
        read.entries.push(Entry::read(number - 1, json).map_err(damage)?);
        read.tree.push(json);
        read.lines.extend_from_slice(json);
        read.lines.push(b'\n');
        read.tip = tip;
        read.whole_bytes += line.len() as u64;
    }
    Ok(read)
}

/// Splits a line into its chain and its JSON, once its head was found to be the one that comes here.
fn split(tip: Tip, content: &[u8]) -> Result<(&[u8], &[u8], usize), DamageKind> {
    let mut parts = content.splitn(3, |byte| *byte == b' ');
    let number = |part: Option<&[u8]>| {
        let text = std::str::from_utf8(part?).ok()?;
        let is_digits = text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_digits)
    };
    let (n, length) = (number(parts.next()), number(parts.next()));
    let (Some(n), Some(length), Some(rest)) = (n, length, parts.next()) else {
        return Err(DamageKind::Form);
    };
    if n != tip.entries {
        return Err(DamageKind::Number(tip.entries));
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= ENTRY_BYTES_MAX);
    let length = length.ok_or(DamageKind::Length)?;
    // A number with further zeros would be another text for the same.
    if !content.starts_with(head(tip, length).as_bytes()) {
        return Err(DamageKind::Form);
    }
    match (rest.split_at_checked(CHAIN_DIGITS), rest.get(CHAIN_DIGITS)) {
        (Some((chain, json)), Some(b' ')) => Ok((chain, &json[1..], length)),
        _ => Err(DamageKind::Form),
    }
}

fn check(tip: Tip, content: &[u8]) -> Result<(&[u8], Tip), DamageKind> {
    let (written, json, length) = split(tip, content)?;
    if json.len() != length {
        return Err(DamageKind::Length);
    }
    let chain = chain(tip.chain, &head(tip, length), json);
    if HEXLOWER.encode(&chain.0).as_bytes() != written {
        return Err(DamageKind::Chain);
    }
    Ok((json, Tip { entries: tip.entries + 1, chain }))
}

/// Returns whether more stands there than the line that was begun: then its newline was changed, and
/// not left out by a crash.
fn is_whole_and_more(tip: Tip, rest: &[u8]) -> bool {
    split(tip, rest).is_ok_and(|(_, json, length)| json.len() > length)
}

#[cfg(test)]
mod tests;
