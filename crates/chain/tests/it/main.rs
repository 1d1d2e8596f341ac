//! The pure part's proofs: models by property, files by table, bytes by golden text. And the client
//! and the feed against real nodes, and against a fake one that answers badly.

mod anvil;
mod codec;
mod fake;
mod feed;
mod feeds;
mod floods;
mod follow;
mod forks;
mod peer;
mod record;
mod reorgs;
mod rpc;
mod script;
mod states;
mod support;
mod tracker;
mod world;
