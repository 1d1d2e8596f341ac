//! The broker's proofs: the promises as cases, a model, schedules, a simulation, the folder.

mod attaching;
mod conformance;
mod joiner;
mod keys_full;
mod live;
mod model;
mod redis;
mod schedules;
mod simulation;
mod state_dir;
mod stretches;
mod support;
mod trunk;
mod window_file;
