//! The rules of a room, one by one.

mod bench;
#[cfg(feature = "inject")]
mod inject;
mod lag;
mod leaving;
mod reading;
mod rounds;
mod size;
mod splits;
mod web;
