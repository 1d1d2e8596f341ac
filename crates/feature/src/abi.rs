//! Arguments of a call, read where they stand.
//!
//! The encoding is that of <https://docs.soliditylang.org/en/latest/abi-spec.html>. Nothing is copied
//! and nothing is allocated by what the bytes claim: many entries of a list may point at the same
//! bytes, so that a copy of each could be far larger than the call. What does not lie within the
//! bytes, or does not have the form of its type, is `None`.

use alloy_primitives::{Address, U256};

/// Bytes of a word.
const WORD: usize = 32;

/// Words with what they point at: the arguments of a function, or the fields of a tuple.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args<'a>(&'a [u8]);

impl<'a> Args<'a> {
    /// Takes the bytes behind a selector.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Args(bytes)
    }

    /// Returns the word at this place, counted from 0.
    pub(crate) fn uint(self, at: usize) -> Option<U256> {
        self.word(at).map(|word| U256::from_be_bytes(*word))
    }

    /// Returns an address; its upper bytes have to be zero.
    pub(crate) fn address(self, at: usize) -> Option<Address> {
        let (zeros, address) = self.word(at)?.split_first_chunk::<12>()?;
        (*zeros == [0; 12]).then(|| Address::from_slice(address))
    }

    /// Returns a truth value: 0 or 1.
    pub(crate) fn bool(self, at: usize) -> Option<bool> {
        match self.uint(at)? {
            U256::ZERO => Some(false),
            U256::ONE => Some(true),
            _ => None,
        }
    }

    /// Returns a number that fits into 32 bits.
    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        u32::try_from(self.uint(at)?).ok()
    }

    /// Returns the bytes that the word at this place points at.
    pub(crate) fn bytes(self, at: usize) -> Option<&'a [u8]> {
        let found = self.pointed(at)?;
        let length = found.length(0)?;
        found.0.get(WORD..)?.get(..length)
    }

    /// Returns the fields of the tuple that the word at this place points at.
    pub(crate) fn tuple(self, at: usize) -> Option<Args<'a>> {
        self.pointed(at)
    }

    /// Returns the words of the list that the word at this place points at.
    pub(crate) fn list(self, at: usize) -> Option<List<'a>> {
        let found = self.pointed(at)?;
        let count = found.length(0)?;
        let items = found.0.get(WORD..)?;
        (count <= items.len() / WORD).then_some(List { items: Args(items), count })
    }

    fn word(self, at: usize) -> Option<&'a [u8; WORD]> {
        self.0.get(at.checked_mul(WORD)?..)?.first_chunk()
    }

    fn length(self, at: usize) -> Option<usize> {
        usize::try_from(self.uint(at)?).ok()
    }

    /// Offsets count from where these words begin.
    fn pointed(self, at: usize) -> Option<Args<'a>> {
        self.0.get(self.length(at)?..).map(Args)
    }
}

/// A list whose words are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    items: Args<'a>,
    count: usize,
}

impl<'a> List<'a> {
    /// Returns how many items it has.
    pub(crate) const fn len(self) -> usize {
        self.count
    }

    /// Returns its words.
    pub(crate) const fn words(self) -> Args<'a> {
        self.items
    }

    /// Returns its items as bytes; `None` for one that is not within the call.
    pub(crate) fn each_bytes(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        (0..self.count).map(move |at| self.items.bytes(at))
    }
}
