//! Outputs: each is there, is what was recorded, and belongs to an entry.

use std::collections::BTreeMap;

use super::{
    Fault, Report, Request, Standing,
    log::{Log, place},
};
use crate::{Contents, Home, OUTPUTS_FOLDER, Output, OutputFile};

pub(super) fn check(request: &Request<'_>, log: &Log, report: &mut Report) {
    let named = named(log, report);
    for (file, (n, output)) in &named {
        match found(request.contents, output) {
            None => report.find(file, Fault::Missing),
            Some(found) if found.sha256 != output.sha256 || found.bytes != output.bytes => {
                report.find(file, Fault::Digest);
            }
            Some(_) => {
                let what = format!("{} of entry {n}, {} bytes", output.name, output.bytes);
                report.item(file, Standing::Derived, what, Vec::new());
            }
        }
    }
    let outputs = request.contents.outputs.keys().map(|name| format!("{OUTPUTS_FOLDER}/{name}"));
    let files = outputs.chain(request.contents.records.keys().cloned());
    for file in files.filter(|file| !named.contains_key(file)) {
        report.find(file, Fault::Unnamed);
    }
}

/// Returns outputs by their files, each with the first entry that names it.
fn named<'l>(log: &'l Log, report: &mut Report) -> BTreeMap<String, (u64, &'l Output)> {
    let mut named: BTreeMap<String, (u64, &Output)> = BTreeMap::new();
    let all = log.entries.iter().flat_map(|(n, entry)| entry.outputs.iter().map(|it| (*n, it)));
    for (n, output) in all {
        let (first, before) = *named.entry(file(output)).or_insert((n, output));
        if before.bytes != output.bytes || before.sha256 != output.sha256 {
            let what = format!("it says that an output of entry {first} has other bytes");
            report.find(place(n), Fault::Entry(what));
        }
    }
    named
}

/// Returns where an output stands.
fn file(output: &Output) -> String {
    match output.home {
        Home::Outputs => format!("{OUTPUTS_FOLDER}/{}", output.sha256),
        Home::Folder => output.name.clone(),
    }
}

fn found<'c>(contents: &'c Contents, output: &Output) -> Option<&'c OutputFile> {
    match output.home {
        Home::Outputs => contents.outputs.get(&output.sha256.to_string()),
        Home::Folder => contents.records.get(&output.name),
    }
}
