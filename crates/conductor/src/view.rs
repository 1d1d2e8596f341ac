//! A run as people see it while it goes on: a screen of a terminal, plain lines for a log, and a
//! summary.
//!
//! Owns what is shown, in which order, and what is left out where there is no room. Must not know:
//! terminals, files, clocks; the size and the time are given. Texts of others are shown so that a
//! terminal obeys none of them.

mod cell;
mod guards;
mod head;
mod lines;
mod screen;
mod steps;
mod summary;

#[cfg(test)]
mod tests;

pub use self::{cell::Paint, lines::lines, screen::screen, summary::summary};

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many stand beside each other.
    pub columns: usize,
    /// How many lines there are.
    pub rows: usize,
}
