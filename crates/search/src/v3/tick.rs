//! Prices at ticks: `TickMath` of `v3-core`. A table, and so longer than its code.

use alloy_primitives::{U256, uint};

/// The least tick.
pub const TICK_MIN: i32 = -887_272;
/// The greatest tick.
pub const TICK_MAX: i32 = 887_272;
/// The price at the least tick.
pub(super) const PRICE_MIN: U256 = uint!(4295128739_U256);
/// The price at the greatest tick.
pub(super) const PRICE_MAX: U256 = uint!(1461446703485210103287273052203988822378723970342_U256);

/// `2^128 / sqrt(1.0001)^(2^i)` for each bit of a tick.
const FACTORS: [u128; 20] = [
    0xfffcb933bd6fad37aa2d162d1a594001,
    0xfff97272373d413259a46990580e213a,
    0xfff2e50f5f656932ef12357cf3c7fdcc,
    0xffe5caca7e10e4e61c3624eaa0941cd0,
    0xffcb9843d60f6159c9db58835c926644,
    0xff973b41fa98c081472e6896dfb254c0,
    0xff2ea16466c96a3843ec78b326b52861,
    0xfe5dee046a99a2a811c461f1969c3053,
    0xfcbe86c7900a88aedcffc83b479aa3a4,
    0xf987a7253ac413176f2b074cf7815e54,
    0xf3392b0822b70005940c7a398e4b70f3,
    0xe7159475a2c29b7443b29c7fa6e889d9,
    0xd097f3bdfd2022b8845ad8f792aa5825,
    0xa9f746462d870fdf8a65dc1f90e061e5,
    0x70d869a156d2a1b890bb3df62baf32f7,
    0x31be135f97d08fd981231505542fcfa6,
    0x09aa508b5b7a84e1c677de54f3e99bc9,
    0x005d6af8dedb81196699c329225ee604,
    0x00002216e584f5fa1ea926041bedfe98,
    0x00000000048a170391f7dc42444e8fa2,
];

/// The root of the price at a tick, times 2^96, up (`getSqrtRatioAtTick`). The tick is one that exists.
pub(super) fn price_at(tick: i32) -> U256 {
    let bits = tick.unsigned_abs();
    let mut ratio: U256 = U256::ONE << 128;
    for (bit, factor) in FACTORS.iter().enumerate() {
        if bits >> bit & 1 == 1 {
            ratio = (ratio * U256::from(*factor)) >> 128;
        }
    }
    if tick > 0 {
        ratio = U256::MAX / ratio;
    }
    let price: U256 = ratio >> 32;
    if ratio.trailing_zeros() >= 32 { price } else { price + U256::ONE }
}

/// The greatest tick whose price is at most this one (`getTickAtSqrtRatio`, by its definition).
pub(super) fn tick_at(price: U256) -> i32 {
    let (mut low, mut high) = (TICK_MIN, TICK_MAX);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if price_at(middle) <= price {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}
