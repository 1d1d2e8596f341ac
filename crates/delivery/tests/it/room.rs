//! The rules of a room, one by one.

mod bench;
mod lag;
mod leaving;
mod reading;
mod rounds;
mod size;
mod splits;
mod web;
