//! A whole delivery over real sockets, on the threads that it starts.

mod drain;
mod fan_out;
mod faults;
mod leaving;
mod passes;
mod site;
mod web;
