//! `/api/ws` as its clients see it.

mod abuse;
mod compression;
mod credentials;
mod ends;
mod frames;
mod limits;
mod publishing;
mod renewal;
mod streams;
mod subscribing;
mod upgrade;
