//! Swaps as the contracts of Uniswap carry them out.

mod vectors;
