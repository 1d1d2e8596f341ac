//! A pool's state from the slots of its contract, in rounds: each says which slots come next.
//!
//! The slots are those of `UniswapV2Pair` (`v2-core`) and `UniswapV3Pool` (`v3-core`), as their compiler
//! laid them out; forks with another layout are read as nonsense, or wrongly, and must not be named as one
//! of these. Must not know: where slots are read.

use alloy_primitives::{Address, B256, I256, U256, keccak256};

use crate::{Pool, PoolState, TICK_MAX, TICK_MIN, V2Pool, V3Pool};

/// The reserves of a pair, 112 bits each, below the time.
const V2_RESERVES: u64 = 8;
/// A pool's price, 160 bits, and its tick, 24 bits, below what is not read.
const V3_SLOT0: u64 = 0;
const V3_LIQUIDITY: u64 = 4;
/// The mapping of ticks: gross and net liquidity, 128 bits each, in the first slot of each.
const V3_TICKS: u64 = 5;
/// The mapping of the bitmap's words, by number.
const V3_BITMAP: u64 = 6;

/// Which pool is read, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// The lesser token.
    pub token0: Address,
    /// The greater one.
    pub token1: Address,
    /// What is kept of what is given, in parts per million.
    pub fee_ppm: u32,
    /// Its rules.
    pub rules: PoolRules,
}

/// By which rules a pool exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRules {
    /// Constant product.
    V2,
    /// Concentrated liquidity.
    V3 {
        /// Only multiples of it can be initialised.
        tick_spacing: i32,
        /// How many words of the bitmap are read on each side of the price's; a word has 256 ticks.
        words: u16,
    },
}

/// Why slots say nothing of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The pool has no price yet, or there is no contract.
    #[error("the pool has no price yet")]
    NotInitialised,
    /// They are not those of such a pool.
    #[error("the slots are not those of such a pool")]
    Nonsense,
}

/// What comes of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More slots are needed.
    More(PoolReading),
    /// All is read.
    Done(Pool),
}

/// A pool that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolReading {
    spec: PoolSpec,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    /// The words of the bitmap, by number.
    Words(V3Pool, Vec<i32>),
    /// The initialised ticks.
    Ticks(V3Pool, Vec<i32>),
}

impl PoolReading {
    /// Begins.
    #[must_use]
    pub const fn new(spec: PoolSpec) -> Self {
        PoolReading { spec, stage: Stage::Begin }
    }

    /// The slots that are needed now.
    #[must_use]
    pub fn wanted(&self) -> Vec<U256> {
        match (&self.stage, self.spec.rules) {
            (Stage::Begin, PoolRules::V2) => vec![U256::from(V2_RESERVES)],
            (Stage::Begin, PoolRules::V3 { .. }) => {
                vec![U256::from(V3_SLOT0), U256::from(V3_LIQUIDITY)]
            }
            (Stage::Words(_, words), _) => {
                words.iter().map(|word| mapped(*word, V3_BITMAP)).collect()
            }
            (Stage::Ticks(_, ticks), _) => {
                ticks.iter().map(|tick| mapped(*tick, V3_TICKS)).collect()
            }
        }
    }

    /// Takes what stands in those slots, in their order.
    ///
    /// # Errors
    ///
    /// Where that is no state of such a pool.
    pub fn take(self, slots: &[U256]) -> Result<Progress, ReadError> {
        if slots.len() != self.wanted().len() {
            return Err(ReadError::Nonsense);
        }
        let PoolReading { spec, stage } = self;
        let done = |state| {
            let PoolSpec { token0, token1, .. } = spec;
            Progress::Done(Pool { token0, token1, state })
        };
        match (stage, spec.rules) {
            (Stage::Begin, PoolRules::V2) => {
                pair(slots[0], spec.fee_ppm).map(PoolState::V2).map(done)
            }
            (Stage::Begin, PoolRules::V3 { tick_spacing, words }) => {
                let pool = priced(slots[0], slots[1], spec.fee_ppm, tick_spacing)?;
                let (pool, words) = with_words(pool, i32::from(words));
                Ok(Progress::More(PoolReading { spec, stage: Stage::Words(pool, words) }))
            }
            (Stage::Words(pool, words), _) => {
                let ticks = initialised(&words, slots, pool.tick_spacing)?;
                Ok(if ticks.is_empty() {
                    done(PoolState::V3(pool))
                } else {
                    Progress::More(PoolReading { spec, stage: Stage::Ticks(pool, ticks) })
                })
            }
            (Stage::Ticks(mut pool, ticks), _) => {
                pool.ticks = ticks.iter().zip(slots).map(net).collect::<Result<_, _>>()?;
                Ok(done(PoolState::V3(pool)))
            }
        }
    }
}

fn pair(slot: U256, fee_ppm: u32) -> Result<V2Pool, ReadError> {
    let (reserve0, reserve1) = (bits(slot, 0, 112), bits(slot, 112, 112));
    if reserve0.is_zero() && reserve1.is_zero() {
        return Err(ReadError::NotInitialised);
    }
    Ok(V2Pool { reserve0: reserve0.to(), reserve1: reserve1.to(), fee_ppm })
}

fn priced(
    slot0: U256,
    liquidity: U256,
    fee_ppm: u32,
    tick_spacing: i32,
) -> Result<V3Pool, ReadError> {
    let sqrt_price = bits(slot0, 0, 160);
    if sqrt_price.is_zero() {
        return Err(ReadError::NotInitialised);
    }
    // 24 bits with a sign.
    let raw: i32 = bits(slot0, 160, 24).to();
    let tick = (raw << 8) >> 8;
    let liquidity = u128::try_from(liquidity).map_err(|_| ReadError::Nonsense)?;
    if !(TICK_MIN..=TICK_MAX).contains(&tick) || tick_spacing < 1 {
        return Err(ReadError::Nonsense);
    }
    let read = (tick, tick);
    let ticks = Vec::new();
    Ok(V3Pool { sqrt_price, tick, liquidity, fee_ppm, tick_spacing, ticks, read })
}

/// Returns the numbers of the words around the price's, and the pool with the ticks that they cover.
fn with_words(mut pool: V3Pool, around: i32) -> (V3Pool, Vec<i32>) {
    let word = |tick: i32| tick.div_euclid(pool.tick_spacing) >> 8;
    let (here, first, last) = (word(pool.tick), word(TICK_MIN), word(TICK_MAX));
    let words: Vec<i32> = ((here - around).max(first)..=(here + around).min(last)).collect();
    let lowest = |word: i32| (word << 8).saturating_mul(pool.tick_spacing);
    let begin = words.first().map_or(pool.tick, |word| lowest(*word));
    let end = words.last().map_or(pool.tick, |word| lowest(word + 1) - 1);
    pool.read = (begin.max(TICK_MIN), end.min(TICK_MAX));
    (pool, words)
}

fn initialised(words: &[i32], slots: &[U256], tick_spacing: i32) -> Result<Vec<i32>, ReadError> {
    let set = |(word, slot): (&i32, &U256)| {
        let (word, slot) = (*word, *slot);
        (0..256).filter(move |bit| slot.bit(*bit)).map(move |bit| (word << 8) + bit as i32)
    };
    let ticks = words.iter().zip(slots).flat_map(set);
    let tick = |compressed: i32| {
        let tick = compressed.checked_mul(tick_spacing);
        tick.filter(|tick| (TICK_MIN..=TICK_MAX).contains(tick)).ok_or(ReadError::Nonsense)
    };
    ticks.map(tick).collect()
}

/// Reads the net liquidity in the upper half; the gross one in the lower half is never 0 here.
fn net((tick, slot): (&i32, &U256)) -> Result<(i32, i128), ReadError> {
    if bits(*slot, 0, 128).is_zero() {
        return Err(ReadError::Nonsense);
    }
    let upper: u128 = bits(*slot, 128, 128).to();
    Ok((*tick, upper.cast_signed()))
}

fn bits(slot: U256, from: usize, count: usize) -> U256 {
    (slot >> from) & ((U256::ONE << count) - U256::ONE)
}

/// The slot of a mapping's entry: the hash of the key and the mapping's own slot, a word each.
fn mapped(key: i32, slot: u64) -> U256 {
    let key = I256::try_from(key).expect("32 bits fit into 256").into_raw();
    let words = [key.to_be_bytes::<32>(), U256::from(slot).to_be_bytes()].concat();
    U256::from_be_bytes(B256::from(keccak256(words)).0)
}
