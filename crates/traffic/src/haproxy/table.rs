//! What each client did: the answer to `show table`, and both of them together.

use super::{HaproxyRouter, stat};
use crate::{ClientTotal, Clients, RouterError};

impl HaproxyRouter {
    /// Reads what each client did.
    pub(super) async fn read_clients(&self) -> Result<Clients, RouterError> {
        let canary = format!("show table {}", self.settings.canary);
        let stable = format!("show table {}", self.settings.stable);
        let [info, canary_table, stable_table] =
            self.query(["show info", &canary, &stable]).await?;
        let process =
            stat::parse_process(&info).map_err(|what| self.unreadable("show info", what))?;
        let totals = |command: &str, table: &str| {
            parse(table).map_err(|what| self.unreadable(command, what))
        };
        Ok(Clients {
            process,
            canary: totals(&canary, &canary_table)?,
            stable: totals(&stable, &stable_table)?,
        })
    }
}

/// Reads the answer to `show table`.
fn parse(answer: &str) -> Result<Vec<ClientTotal>, String> {
    let mut lines = answer.lines();
    let head = lines.next().unwrap_or_default();
    if !head.starts_with("# table: ") {
        return Err("it does not begin with the table's name".to_owned());
    }
    lines.map(|line| total(line).ok_or_else(|| format!("`{line}` is no entry"))).collect()
}

fn total(line: &str) -> Option<ClientTotal> {
    let field =
        |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    Some(ClientTotal {
        client: field("key")?.parse().ok()?,
        requests: field("http_req_cnt")?.parse().ok()?,
        errors: field("gpc0")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests;
