//! The list of processes that a stack has started, so that the next one ends what a killed one left.
//!
//! A process is named by its number, the tick at which it began and the boot that it belongs to: a number
//! is given again, these three together are not.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::StackError;

/// How long a process that was killed may take to be gone.
const END: Duration = Duration::from_secs(5);
/// How long a lock may be held by what is just being started.
const LOCK_MAX: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The file's name in the folder of a stack, and that of its lock.
const FILE: &str = "processes.json";
const LOCK: &str = "processes.lock";

/// The list, kept on disk. It is this process's as long as it lives.
#[derive(Debug)]
pub(crate) struct Processes {
    path: PathBuf,
    list: Mutex<List>,
    _lock: File,
}

/// What was there when a stack took its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Whether another stack was there before.
    pub(crate) was_used: bool,
    /// The names of its processes that were ended.
    pub(crate) ended: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    boot: String,
    processes: BTreeMap<u32, Entry>,
}

/// A process of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    /// When it began, in ticks since the boot (proc_pid_stat(5), field 22).
    began: u64,
}

impl Processes {
    /// Takes the folder, and ends what another stack left there.
    ///
    /// # Errors
    /// Fails where another stack runs there, and where the list can't be read or written.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Found), StackError> {
        let lock = folder.join(LOCK);
        let lock = File::create(&lock).map_err(StackError::file(lock, "made"))?;
        if !takes(&lock) {
            return Err(StackError::InUse { folder: folder.to_owned() });
        }
        let path = folder.join(FILE);
        let boot = boot();
        let found = match fs::read_to_string(&path) {
            Ok(text) => {
                let list: List = serde_json::from_str(&text).map_err(|error| {
                    StackError::Leftovers { path: path.clone(), why: error.to_string() }
                })?;
                let is_of_boot = list.boot == boot;
                let ended = if is_of_boot { end(&list.processes) } else { Vec::new() };
                Found { was_used: true, ended }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::default(),
            Err(error) => return Err(StackError::file(path, "read")(error)),
        };
        let list = List { boot, processes: BTreeMap::new() };
        let processes = Processes { path, list: Mutex::new(list), _lock: lock };
        processes.change(|_| {})?;
        Ok((processes, found))
    }

    /// Adds a process that was started.
    ///
    /// # Errors
    /// Fails where the list can't be written.
    pub(crate) fn add(&self, name: &str, pid: u32, began: u64) -> Result<(), StackError> {
        self.change(|list| {
            list.insert(pid, Entry { name: name.to_owned(), began });
        })
    }

    /// Removes one that has ended and was waited for.
    pub(crate) fn remove(&self, pid: u32) {
        // One that stays in the list is not there any more, which is found out.
        let _stays = self.change(|list| {
            list.remove(&pid);
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<u32, Entry>)) -> Result<(), StackError> {
        let mut list = self.list.lock();
        change(&mut list.processes);
        let text = serde_json::to_string_pretty(&*list).expect("names and numbers are JSON");
        let new = self.path.with_extension("json.new");
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &self.path));
        written.map_err(StackError::file(&self.path, "written"))
    }
}

/// Locks the folder. A process that is just being started has the files of whoever starts it, the lock of
/// a stack that ended among them, until it runs: so a lock that is held is looked at again.
fn takes(lock: &File) -> bool {
    let until = Instant::now() + LOCK_MAX;
    while lock.try_lock().is_err() {
        if Instant::now() > until {
            return false;
        }
        thread::park_timeout(LOOK_EVERY);
    }
    true
}

/// Ends those that are still the same processes; returns their names.
fn end(processes: &BTreeMap<u32, Entry>) -> Vec<String> {
    let is_there = |pid: u32, entry: &Entry| began(pid) == Some(entry.began);
    let left = || processes.iter().filter(|(pid, entry)| is_there(**pid, entry));
    let names = left().map(|(_, entry)| entry.name.clone()).collect();
    let until = Instant::now() + END;
    while left().count() > 0 && Instant::now() < until {
        for (pid, _) in left() {
            if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
                let _ended_just_now = kill_process(pid, Signal::KILL);
            }
        }
        thread::park_timeout(LOOK_EVERY);
    }
    names
}

/// Returns when a process began, in ticks since the boot; nothing where it has ended.
pub(crate) fn began(pid: u32) -> Option<u64> {
    began_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads field 22 of proc_pid_stat(5). The name, field 2, may hold anything and ends with the last `)`.
fn began_in(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    // A process that nobody waited for yet does nothing any more.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Returns the name of this boot.
fn boot() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests;
