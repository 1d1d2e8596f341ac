//! The bytes of a saved window: golden, round trip, and every kind of damage.

mod damage;
mod golden;
mod round_trip;
