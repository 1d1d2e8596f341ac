//! The verification of proofs, as RFC 9162 writes it down: sections 2.1.3.2 and 2.1.4.2.

use crate::Hash;

/// A proof that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Its sizes or its place make no sense.
    #[error("the proof is for a place that the tree does not have")]
    OutOfRange,
    /// It has too many or too few hashes.
    #[error("the proof has the wrong length")]
    WrongLength,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    WrongRoot,
}

/// Checks that a leaf with this hash stands at a place of the tree with this size and root.
///
/// # Errors
/// Fails where that is not proved.
pub fn verify_inclusion(
    (leaf, leaf_hash): (u64, Hash),
    (size, root): (u64, Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    if leaf >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut at, mut last, mut hash) = (leaf, size - 1, leaf_hash);
    for beside in path {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if at & 1 == 1 || at == last {
            hash = Hash::node(*beside, hash);
            (at, last) = skip_missing(at, last);
        } else {
            hash = Hash::node(hash, *beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    conclude(last, hash == root)
}

/// Checks that the tree of the second size and root begins with that of the first.
///
/// # Errors
/// Fails where that is not proved.
pub fn verify_consistency(
    (first, first_root): (u64, Hash),
    (second, second_root): (u64, Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    if first > second {
        return Err(ProofError::OutOfRange);
    }
    if first == 0 || first == second {
        let is_same = first < second || first_root == second_root;
        return if path.is_empty() { conclude(0, is_same) } else { Err(ProofError::WrongLength) };
    }
    let (mut at, mut last) = (first - 1, second - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    // A complete subtree is its own proof.
    let own = first.is_power_of_two().then_some(first_root);
    let mut hashes = own.into_iter().chain(path.iter().copied());
    let begin = hashes.next().filter(|_| !path.is_empty()).ok_or(ProofError::WrongLength)?;
    let (mut old, mut new) = (begin, begin);
    for beside in hashes {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if at & 1 == 1 || at == last {
            old = Hash::node(beside, old);
            new = Hash::node(beside, new);
            (at, last) = skip_missing(at, last);
        } else {
            new = Hash::node(new, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    conclude(last, old == first_root && new == second_root)
}

/// Goes up where the right edge of the tree has no neighbour.
fn skip_missing(mut at: u64, mut last: u64) -> (u64, u64) {
    while at & 1 == 0 && at != 0 {
        (at, last) = (at >> 1, last >> 1);
    }
    (at, last)
}

fn conclude(last: u64, is_root: bool) -> Result<(), ProofError> {
    match (last, is_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::WrongRoot),
        _ => Err(ProofError::WrongLength),
    }
}
