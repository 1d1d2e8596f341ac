//! WebSockets in a room, rule by rule: streams, answers, what stops the reading, how they close.

mod closing;
mod hall;
mod reading;
mod refused;
mod streams;
