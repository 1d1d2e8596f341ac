//! Outputs: each is there, is what was recorded, and belongs to an entry.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Fault, Report, Request, Standing,
    log::{Log, place},
};
use crate::{OUTPUTS_FOLDER, Output};

pub(super) fn check(request: &Request<'_>, log: &Log, report: &mut Report) {
    let mut named: BTreeMap<String, (u64, &Output)> = BTreeMap::new();
    let mut faulty = BTreeSet::new();
    for (n, output) in
        log.entries.iter().flat_map(|(n, entry)| entry.outputs.iter().map(|output| (*n, output)))
    {
        let file = output.sha256.to_string();
        if let Some((first, before)) = named.get(&file)
            && before.bytes != output.bytes
        {
            let what = format!("it says that an output of entry {first} has other bytes");
            report.find(place(n), Fault::Entry(what));
        }
        named.entry(file).or_insert((n, output));
    }
    let at = |file: &str| format!("{OUTPUTS_FOLDER}/{file}");
    for (file, (_, output)) in &named {
        match request.contents.outputs.get(file) {
            None => {
                faulty.insert(file);
                report.find(at(file), Fault::Missing);
            }
            Some(found) if found.sha256 != output.sha256 || found.bytes != output.bytes => {
                faulty.insert(file);
                report.find(at(file), Fault::Digest);
            }
            Some(_) => {}
        }
    }
    for file in request.contents.outputs.keys().filter(|file| !named.contains_key(*file)) {
        report.find(at(file), Fault::Unnamed);
    }
    for (file, (n, output)) in &named {
        if !faulty.contains(file) {
            let what = format!("{} of entry {n}, {} bytes", output.name, output.bytes);
            report.item(at(file), Standing::Derived, what, Vec::new());
        }
    }
}
