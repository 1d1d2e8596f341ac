//! Delivery's proofs: a simulation of a worker's room, its rules one by one, and a whole delivery
//! over real sockets.

mod room;
mod server;
mod sim;
mod support;
