//! A deployment, against small servers that are made here and a real HAProxy.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod capture;
mod certificate;
mod command;
mod described;
mod expect;
mod external;
mod flag;
mod guards;
mod lying_sources;
mod notify;
mod streams;
mod support;
mod traffic_steps;
