//! The console over HTTP, on a router without a socket.

mod describing;
mod reading;
mod saying;
mod stage;
