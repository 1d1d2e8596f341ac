//! The log's name, under which the events of chains are numbered, in a file beside the log.
//!
//! A number is given once under one name. What a chain was given last is known from its last record,
//! so where that may be gone (retired, as others wrote much more, or damaged) the log gets another
//! name: a reader from before is told of a gap, and is never given two events under one cursor.
//!
//! The file has the name in its first line, then `since N`, the first record under that name, and a
//! line `chain KEY` for each chain that was ever followed. Older ones have the name alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use chain::ChainKey;
use event::Epoch;
use journal::{Damaged, Seq};

const FILE: &str = "epoch";

/// What is known of the log when it is opened.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    /// The first record that is kept, and the number of the next one.
    pub(super) kept: (Seq, Seq),
    /// What can't be read of those.
    pub(super) damaged: &'a [Damaged],
    /// The last record of each chain that has any.
    pub(super) last: &'a BTreeMap<ChainKey, Seq>,
    /// The chains that go on to be numbered.
    pub(super) followed: &'a BTreeSet<ChainKey>,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    epoch: Epoch,
    since: Seq,
    chains: BTreeSet<ChainKey>,
}

/// Returns the name under which the log goes on, which is on disk then.
///
/// # Errors
/// Fails where the file can't be read or written.
pub(super) fn name(folder: &Path, opened: &Opened<'_>) -> io::Result<Epoch> {
    let path = folder.join(FILE);
    let before = match fs::read_to_string(&path) {
        Ok(text) => Named::read(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let goes_on = before.clone().filter(|named| !opened.may_repeat(named));
    let named = goes_on.unwrap_or_else(|| Named {
        epoch: Epoch::random(&mut rand::rng()),
        since: opened.kept.1,
        chains: before.iter().flat_map(|named| named.chains.clone()).collect(),
    });
    let chains = named.chains.iter().chain(opened.last.keys()).chain(opened.followed);
    let named = Named { chains: chains.cloned().collect(), ..named };
    if before.as_ref() != Some(&named) {
        named.write(folder)?;
    }
    Ok(named.epoch)
}

impl Opened<'_> {
    /// Whether a chain that is followed may have been given numbers of which nothing is known here.
    fn may_repeat(&self, named: &Named) -> bool {
        self.followed.iter().any(|chain| {
            let last = self.last.get(chain);
            let from = last.map_or(named.since, |last| named.since.max(last.plus(1)));
            let was_there = last.is_some() || named.chains.contains(chain);
            let is_retired = was_there && self.kept.0 > from;
            is_retired || self.damaged.iter().any(|damaged| damaged.to >= from)
        })
    }
}

impl Named {
    fn read(text: &str) -> Option<Named> {
        let mut lines = text.lines();
        let epoch = lines.next()?.trim().parse().ok()?;
        let (mut since, mut chains) = (Seq::FIRST, BTreeSet::new());
        for line in lines {
            match line.split_once(' ')? {
                ("since", number) => since = Seq::new(number.parse().ok()?)?,
                ("chain", key) => {
                    chains.insert(key.parse().ok()?);
                }
                _ => return None,
            }
        }
        Some(Named { epoch, since, chains })
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut text = format!("{}\nsince {}\n", self.epoch, self.since);
        for chain in &self.chains {
            text.push_str(&format!("chain {}\n", chain.as_str()));
        }
        let path = folder.join(FILE);
        let written = path.with_extension("new");
        fs::write(&written, text)?;
        fs::File::open(&written).and_then(|file| file.sync_all())?;
        fs::rename(&written, &path)?;
        // Or a loss of power may bring back the old name, under which numbers would be given again.
        fs::File::open(folder).and_then(|folder| folder.sync_all())
    }
}

#[cfg(test)]
mod tests;
