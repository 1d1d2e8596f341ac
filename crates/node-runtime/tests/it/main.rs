//! Settings through a map, tasks, and the life of a process without its surface.

mod support;

mod allowed;
mod file;
mod ingest;
mod keys;
mod lifecycle;
mod local_key;
mod redis_settings;
mod replicas;
mod secrets;
mod settings;
mod tasks;
mod unknown;
