//! The processes of a server under test: starting and ending them, and what they use.

mod cpu;
mod daemon;
mod files;
mod machine;
mod memory;
mod sockets;
mod tree;

pub(crate) use self::{
    cpu::{CpuMeter, own_cpu, thread_cpu},
    daemon::{Daemon, find_program},
    files::provide_files,
    machine::Idle,
    memory::Memory,
    sockets::connections_to,
};
