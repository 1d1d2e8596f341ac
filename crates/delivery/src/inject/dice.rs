//! Draws that follow from a seed and a number: the same ones in every run, in whatever order they are
//! asked for.

use std::str::FromStr;

/// A draw for each number, by SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dice(u64);

impl Dice {
    /// Returns the dice of a seed.
    pub const fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// Returns the dice of these for one purpose.
    #[must_use]
    pub fn of(self, purpose: &str) -> Self {
        Dice(purpose.bytes().fold(self.0, |state, byte| mix(state ^ u64::from(byte))))
    }

    /// Returns the draw for a number.
    pub fn roll(self, number: u64) -> u64 {
        mix(self.0 ^ mix(number))
    }

    /// Returns whether the draw for a number is among these; never where there is no chance.
    pub fn hits(self, number: u64, chance: Option<Chance>) -> bool {
        chance.is_some_and(|chance| chance.takes(self.roll(number)))
    }
}

fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// A share of all draws: more than none, and all at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    part: u32,
    whole: u32,
}

/// The text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is written as 20%, 0.5% or 1/200: more than nothing, and all at most")]
pub struct ChanceError;

/// Percentages are counted in parts of a million.
const MILLION: u32 = 1_000_000;

impl Chance {
    /// Every draw.
    pub const ALWAYS: Chance = Chance { part: 1, whole: 1 };

    /// Returns the share of `part` in `whole`; none where it is nothing or more than all.
    pub const fn new(part: u32, whole: u32) -> Option<Self> {
        if part == 0 || part > whole { None } else { Some(Chance { part, whole }) }
    }

    /// Returns twice the share, as far as there is as much.
    #[must_use]
    pub const fn doubled(self) -> Self {
        let Chance { part, whole } = self;
        if part >= whole.div_ceil(2) { Chance::ALWAYS } else { Chance { part: 2 * part, whole } }
    }

    fn takes(self, roll: u64) -> bool {
        (u128::from(roll) * u128::from(self.whole)) >> 64 < u128::from(self.part)
    }

    /// Returns how many of so many it is, and what is owed to the next time in parts of one.
    pub(super) fn share_of(self, count: usize, owed: u64) -> (usize, u64) {
        let parts = count as u64 * u64::from(self.part) + owed;
        ((parts / u64::from(self.whole)) as usize, parts % u64::from(self.whole))
    }
}

impl FromStr for Chance {
    type Err = ChanceError;

    fn from_str(text: &str) -> Result<Self, ChanceError> {
        let chance = match text.strip_suffix('%') {
            Some(percent) => of_percent(percent).and_then(|part| Chance::new(part, MILLION)),
            None => of_fraction(text),
        };
        chance.ok_or(ChanceError)
    }
}

fn of_percent(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = text.parse::<f64>().ok().filter(|&percent| is_plain && percent <= 100.0)?;
    Some((percent * f64::from(MILLION / 100)).round() as u32)
}

fn of_fraction(text: &str) -> Option<Chance> {
    let (part, whole) = text.split_once('/')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(part) || !digits(whole) {
        return None;
    }
    Chance::new(part.parse().ok()?, whole.parse().ok()?)
}
