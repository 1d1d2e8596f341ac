//! The answers to `show stat`, `show info` and `show activity`.

use std::collections::HashMap;

use crate::{ArmState, Server, ServerState, UnixTime};

/// Reads the answer to `show stat BACKEND 6 -1`.
pub(super) fn parse_arm(answer: &str, backend: &str) -> Result<ArmState, String> {
    let mut lines = answer.lines();
    let names = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
    let names: Vec<_> = names.split(',').collect();
    let rows = lines.map(|line| Row(names.iter().copied().zip(line.split(',')).collect()));
    let mut arm = None;
    let mut servers = Vec::new();
    for row in rows.filter(|row| row.text("pxname") == Ok(backend)) {
        match row.text("svname")? {
            "BACKEND" => arm = Some(row.counts()?),
            name => servers.push(row.server(name)?),
        }
    }
    let arm = arm.ok_or_else(|| format!("there is no row of the backend `{backend}`"))?;
    // One that has left the backend's count may be on its replica for a moment, and the other way.
    let open = arm.open.max(servers.iter().map(|server| server.open).sum());
    Ok(ArmState { servers, open, ..arm })
}

/// Reads what tells this process from others in the answer to `show info`.
pub(super) fn parse_process(answer: &str) -> Result<u64, String> {
    let number = |name: &str| {
        let value = value(answer, name)?;
        value.parse::<u64>().map_err(|_| format!("`{name}` is no number"))
    };
    // The number of a process alone may come again.
    Ok(number("Start_time_sec")? << 24 | number("Pid")? & 0xff_ffff)
}

/// Reads the clock in the answer to `show activity`. It goes on evenly where the system's clock is
/// set, as long as the process lives; until then it is that of the configuration's `date` but for
/// some milliseconds. (That of `show info` is up to two seconds behind.)
pub(super) fn parse_clock(answer: &str) -> Result<UnixTime, String> {
    let value = value(answer, "date_now")?;
    let seconds = value.split('.').next().unwrap_or_default();
    seconds.parse().map(UnixTime).map_err(|_| format!("`{value}` is no time"))
}

fn value<'a>(answer: &'a str, name: &str) -> Result<&'a str, String> {
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.ok_or_else(|| format!("it does not say `{name}`"))
}

struct Row<'a>(HashMap<&'a str, &'a str>);

impl Row<'_> {
    fn text(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).copied().ok_or_else(|| format!("there is no column `{name}`"))
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        match self.text(name)? {
            // What does not apply is left empty.
            "" => Ok(0),
            text => text.parse().map_err(|_| format!("`{text}` in `{name}` is no number")),
        }
    }

    fn sum(&self, names: &[&str]) -> Result<u64, String> {
        names.iter().map(|name| self.number(name)).sum()
    }

    /// Returns the counts of an arm or of a server, which have the same columns.
    fn counts(&self) -> Result<ArmState, String> {
        Ok(ArmState {
            servers: Vec::new(),
            open: self.number("scur")?,
            requests: self.number("stot")?,
            answers_good: self.sum(&["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_other"])?,
            answers_4xx: self.number("hrsp_4xx")?,
            answers_5xx: self.number("hrsp_5xx")?,
            connect_errors: self.number("econ")?,
            response_errors: self.number("eresp")?,
        })
    }

    fn server(&self, name: &str) -> Result<Server, String> {
        let counts = self.counts()?;
        Ok(Server {
            name: name.to_owned(),
            address: self.text("addr")?.to_owned(),
            state: state(self.text("status")?)?,
            open: counts.open,
            requests: counts.requests,
            answers_good: counts.answers_good,
            answers_4xx: counts.answers_4xx,
            answers_5xx: counts.answers_5xx,
            connect_errors: counts.connect_errors,
            response_errors: counts.response_errors,
        })
    }
}

fn state(status: &str) -> Result<ServerState, String> {
    match status.split(' ').next().unwrap_or_default() {
        // `UP 1/3` goes down, and has requests until then.
        "UP" | "no" => Ok(ServerState::Up),
        "DRAIN" | "NOLB" => Ok(ServerState::Draining),
        "DOWN" => Ok(ServerState::Down),
        "MAINT" => Ok(ServerState::Maintenance),
        other => Err(format!("`{other}` is no state of a server that is known")),
    }
}

#[cfg(test)]
mod tests;
