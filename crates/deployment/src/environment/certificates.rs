//! The keys of certificates that gates ask for, and of what is to be released.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use evidence::{Hash, Verifier};

use super::reader::Section;
use crate::{CertificateSource, Certificates, Migrations, Release};

pub(super) fn read(
    root: &mut Section<'_>,
    folder: &Path,
    router_config: Option<PathBuf>,
) -> Certificates {
    let mut named = BTreeMap::new();
    for (name, value) in root.entries("certificates") {
        let mut section = root.of("certificates", name, value);
        if let Some(source) = source(&mut section, folder) {
            named.insert(name.clone(), source);
        }
        section.end();
    }
    let mut section = root.section("release");
    let release = if section.is_there() { release(&mut section, folder) } else { None };
    section.end();
    Certificates { named, release, router_config }
}

fn source(section: &mut Section<'_>, folder: &Path) -> Option<CertificateSource> {
    let evidence = section.needed_text("evidence", "the folder of a rehearsal's evidence");
    let key = section.needed_text(
        "key",
        "the public key of the rehearsal's log, as `keys new --sign` shows it and `evidence.keys` has it \
         behind `log`",
    );
    let key = key.and_then(|text| {
        let read = text.parse::<Verifier>();
        read.map_err(|error| section.fault("key", &format!("is no public key: {error}"))).ok()
    });
    let runbook = section.text("runbook").map(|file| folder.join(file));
    Some(CertificateSource { evidence: folder.join(evidence?), key: key?, runbook })
}

fn release(section: &mut Section<'_>, folder: &Path) -> Option<Release> {
    let binary = section.needed_text("binary", "the file of the binary that is to be released");
    let needed = "the checksum of its migrations, as /api/health says under \
        checks.database.migration_checksum, or \"none\" without a database";
    let migrations = section.needed_text("migrations", needed).and_then(|text| {
        let read = match text.as_str() {
            "none" => Some(Migrations::None),
            text => text.parse::<Hash>().ok().map(Migrations::Checksum),
        };
        if read.is_none() {
            section.fault("migrations", &format!("has to be {needed}"));
        }
        read
    });
    Some(Release { binary: folder.join(binary?), migrations: migrations? })
}
