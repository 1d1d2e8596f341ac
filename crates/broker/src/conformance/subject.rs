//! What a backend lends to the cases.

use std::{sync::Arc, time::Duration};

use crate::{BoxFuture, Broker, memory::log::WindowLimits};

/// Something that not every backend can do in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ability {
    /// Its clock can be moved on.
    Clock,
    /// It can be stopped in order and started again.
    Restart,
    /// It can be killed and started again with what it had saved.
    Crash,
    /// The owner of its logs can change while readers are attached, without a loss.
    Switch,
    /// The owner of its logs can be lost while readers are attached, with what was not saved.
    FailOver,
}

/// Makes backends for the cases.
pub trait Harness: Send + Sync + 'static {
    /// Returns what its backends can do.
    fn abilities(&self) -> &[Ability];

    /// Starts a backend that holds nothing.
    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>>;
}

/// One running backend. A method whose ability is not declared is never called.
pub trait Subject: Send + Sync {
    /// Returns the backend as it runs now.
    fn broker(&self) -> Arc<dyn Broker>;

    /// Moves its clocks on ([`Ability::Clock`]).
    fn advance(&mut self, by: Duration) {
        unreachable!("the clock was to move by {by:?}, and the ability is not declared")
    }

    /// Makes everything that was acknowledged outlive a crash ([`Ability::Crash`]).
    fn save(&mut self) -> BoxFuture<'_, ()> {
        unreachable!("the ability to save is not declared")
    }

    /// Stops it in order and starts it again ([`Ability::Restart`]).
    fn restart(&mut self) -> BoxFuture<'_, ()> {
        unreachable!("the ability to restart is not declared")
    }

    /// Kills it and starts it with what it had saved ([`Ability::Crash`]).
    fn crash(&mut self) -> BoxFuture<'_, ()> {
        unreachable!("the ability to crash is not declared")
    }

    /// Changes the owner of every log, under attached readers ([`Ability::Switch`]).
    fn switch(&mut self) -> BoxFuture<'_, ()> {
        unreachable!("the ability to switch is not declared")
    }

    /// Loses what was not saved, under attached readers ([`Ability::FailOver`]).
    ///
    /// As in a live system the new owner is recorded before it serves.
    fn fail_over(&mut self) -> BoxFuture<'_, ()> {
        unreachable!("the ability to fail over is not declared")
    }
}
