//! A whole delivery over real sockets, on the threads that it starts.

mod drain;
mod fan_out;
mod faults;
mod leaving;
mod site;
mod web;
