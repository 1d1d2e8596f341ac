//! The map that HAProxy decides by, and the answer that shows it.

use crate::{Owner, UnixTime, Weight, owner::NOBODY};

/// The canary's share of the clients, in hundredths of a per cent.
pub(super) const WEIGHT: &str = "weight";
/// Until when it may have traffic, in seconds since 1970.
pub(super) const UNTIL: &str = "until";
/// Whose it is.
pub(super) const OWNER: &str = "owner";

/// What the map says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) weight: Weight,
    pub(super) until: UnixTime,
    pub(super) owner: Option<Owner>,
}

/// Reads the answer to `show map`.
pub(super) fn parse(answer: &str) -> Result<Map, String> {
    let weight = value(answer, WEIGHT)?;
    let until = value(answer, UNTIL)?;
    let owner = value(answer, OWNER)?;
    Ok(Map {
        weight: weight
            .parse()
            .ok()
            .and_then(Weight::from_basis_points)
            .ok_or_else(|| format!("`{weight}` is no weight: a number from 0 to 10000"))?,
        until: UnixTime(
            until.parse().map_err(|_| format!("`{until}` is no time: seconds since 1970"))?,
        ),
        owner: match owner {
            NOBODY => None,
            name => Some(name.parse().map_err(|_| "the owner is no name of a run".to_owned())?),
        },
    })
}

/// Returns the keys and values of a map.
pub(super) fn entries(answer: &str) -> impl Iterator<Item = (&str, &str)> {
    answer.lines().filter_map(|line| {
        let (_, entry) = line.split_once(' ')?;
        entry.split_once(' ')
    })
}

fn value<'a>(answer: &'a str, key: &str) -> Result<&'a str, String> {
    let mut values = entries(answer).filter(|(known, _)| *known == key).map(|(_, value)| value);
    let value = values.next().ok_or_else(|| format!("the map has no entry `{key}`"))?;
    match values.next() {
        Some(_) => Err(format!("the map has more than one entry `{key}`")),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests;
