//! From the file's text to a deployment, or to all that is wrong with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use guard::Arm;
use runbook::Length;
use toml::Table;
use traffic::{Weight, haproxy::Socket};

use super::{
    Argv, Asks, CommandSettings, DescribedReplica, Environment, ExternalDescription,
    RouterDescription, Service, SettingsDescription, base_url, certificates,
    reader::{Faults, Section},
};
use crate::{External, Lookup, Replica, SecretSource, Secrets, TrafficMove, secret::SECRET};

pub(super) fn parse(text: &str, folder: &Path, lookup: Lookup) -> Result<Environment, Vec<String>> {
    // The parser's message quotes the line; a value of it may be a secret that does not belong there.
    let table: Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        vec![format!("line {line} is no TOML: {}", error.message())]
    })?;
    let faults = Faults::default();
    let environment = read(&table, folder, lookup, &faults);
    let faults = faults.into_all();
    match environment {
        Some(environment) if faults.is_empty() => Ok(environment),
        _ => Err(faults),
    }
}

fn read(table: &Table, folder: &Path, lookup: Lookup, faults: &Faults) -> Option<Environment> {
    let mut root = Section::root(table, faults);
    let sources = secrets(&mut root, folder);
    let secrets = Secrets::new(sources, lookup);
    let reader = Reader { folder, secrets: &secrets };
    let service = reader.service(&mut root);
    let replicas = reader.replicas(&mut root);
    let router = reader.router(&mut root);
    let settings = reader.settings(&mut root);
    let externals = reader.externals(&mut root, router.is_some());
    let mut notify = root.section("notify");
    let webhook = notify.needed_text("webhook", "an address, or secret:NAME where it is one");
    if let Some(webhook) = &webhook {
        reader.webhook(&notify, webhook);
    }
    notify.end();
    let commands = reader.commands(&mut root);
    let asks = reader.asks(&mut root);
    let sources = names(&mut root, "sources");
    let router_config = router.as_ref().and_then(|router| router.config.clone());
    let certificates = certificates::read(&mut root, folder, router_config);
    let lock = root.text("lock").map(|file| folder.join(file));
    let needs_start = settings.as_ref().is_some_and(|settings| settings.apply.is_empty());
    if needs_start && replicas.iter().any(|it| it.stop.is_none() || it.start.is_none()) {
        root.fault("settings.apply", "is missing, and not every replica has `stop` and `start`");
    }
    root.end();
    let service = service?;
    Some(Environment {
        service,
        replicas,
        router,
        settings,
        externals,
        webhook,
        commands,
        asks,
        sources,
        certificates,
        secrets,
        lock,
    })
}

struct Reader<'a> {
    folder: &'a Path,
    secrets: &'a Secrets,
}

impl Reader<'_> {
    fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    fn secret(&self, section: &Section<'_>, key: &str, name: &str) {
        if !self.secrets.knows(name) {
            section.fault(key, &format!("names the secret `{name}`, which is not under [secrets]"));
        }
    }

    fn service(&self, root: &mut Section<'_>) -> Option<Service> {
        let mut section = root.section("service");
        if !section.is_there() {
            root.fault("service", "is missing: a table with the service's `url`");
        }
        let url = section.needed_text("url", "where clients come to, as http://127.0.0.1:8080");
        let url = url.and_then(|text| checked_url(&section, &text));
        let key = section.text("key").and_then(|text| {
            let name = text.strip_prefix(SECRET).map(ToOwned::to_owned);
            match &name {
                Some(name) => self.secret(&section, "key", name),
                None => section.fault("key", "has to be secret:NAME; keys do not stand here"),
            }
            name
        });
        section.end();
        Some(Service { url: url?, key })
    }

    fn replicas(&self, root: &mut Section<'_>) -> Vec<DescribedReplica> {
        let mut names = BTreeSet::new();
        let sections = root.sections("replica");
        if sections.is_empty() {
            root.fault("replica", "is missing: one table headed [[replica]] for each replica");
        }
        let read = sections.into_iter().filter_map(|mut section| {
            let name = section.needed_text("name", "what it is called");
            if let Some(name) = &name
                && !names.insert(name.clone())
            {
                section.fault("name", &format!("is `{name}` as another replica's is"));
            }
            let arm = section.text("arm").unwrap_or_else(|| "stable".to_owned());
            let arm = arm_of(&section, &arm);
            let url = section.needed_text("url", "where it is reached without the router");
            let url = url.and_then(|text| checked_url(&section, &text));
            let (drain, stop, start) = (
                self.argv(&mut section, "drain"),
                self.argv(&mut section, "stop"),
                self.argv(&mut section, "start"),
            );
            section.end();
            let replica = Replica { name: name?, arm: arm?, url: url? };
            Some(DescribedReplica { replica, drain, stop, start })
        });
        read.collect()
    }

    fn argv(&self, section: &mut Section<'_>, key: &'static str) -> Option<Argv> {
        let argv = section.argv(key)?;
        self.check_secrets(section, key, &argv);
        Some(argv)
    }

    fn argvs(&self, section: &mut Section<'_>, key: &'static str) -> Vec<Argv> {
        let all = section.commands(key);
        all.iter().for_each(|argv| self.check_secrets(section, key, argv));
        all
    }

    fn check_secrets(&self, section: &Section<'_>, key: &str, argv: &Argv) {
        let named = argv.iter().filter_map(|word| {
            word.strip_prefix(SECRET).or_else(|| word.split_once('=')?.1.strip_prefix(SECRET))
        });
        named.for_each(|name| self.secret(section, key, name));
    }

    fn router(&self, root: &mut Section<'_>) -> Option<RouterDescription> {
        let mut section = root.section("router");
        if !section.is_there() {
            return None;
        }
        let kind = section.needed_text("kind", "\"haproxy\"");
        if kind.is_some_and(|kind| kind != "haproxy") {
            section.fault("kind", "has to be \"haproxy\", the one router that is known");
        }
        let socket = section.needed_text("socket", "HAProxy's runtime socket, a path or host:port");
        let map = section
            .needed_text("map", "the map with weight, lease and owner, as `show map` names it");
        let pins = section.needed_text("pins", "the map of pinned clients, as `show map` names it");
        let canary = section.text("canary").unwrap_or_else(|| "canary".to_owned());
        let stable = section.text("stable").unwrap_or_else(|| "stable".to_owned());
        let timeout = length(&mut section, "timeout").unwrap_or(Duration::from_secs(2));
        let leave = length(&mut section, "leave").unwrap_or(Duration::from_secs(20));
        let lock = section.text("lock").map(|file| self.path(&file));
        let config = section.text("config").map(|file| self.path(&file));
        section.end();
        let Ok(socket) = self.socket(&socket?).parse::<Socket>();
        let (map, pins) = (map?, pins?);
        Some(RouterDescription { socket, map, pins, canary, stable, timeout, lock, config, leave })
    }

    fn socket(&self, text: &str) -> String {
        let is_path = text.contains('/') || !text.contains(':');
        if is_path { self.path(text).display().to_string() } else { text.to_owned() }
    }

    fn settings(&self, root: &mut Section<'_>) -> Option<SettingsDescription> {
        let mut section = root.section("settings");
        if !section.is_there() {
            return None;
        }
        let file =
            section.needed_text("file", "the file of lines NAME=value that replicas are given");
        let apply = self.argvs(&mut section, "apply");
        section.end();
        Some(SettingsDescription { file: self.path(&file?), apply })
    }

    fn externals(
        &self,
        root: &mut Section<'_>,
        has_router: bool,
    ) -> BTreeMap<String, ExternalDescription> {
        let entries = root.entries("externals");
        let read = entries.into_iter().map(|(name, value)| {
            let mut section = root.of("externals", name, value);
            let commands = self.argvs(&mut section, "commands");
            let check = self.argv(&mut section, "check");
            let traffic = section.text("traffic").and_then(|text| traffic_move(&section, &text));
            if traffic.is_some() && !has_router {
                section.fault("traffic", "needs a [router]");
            }
            if commands.is_empty() && traffic.is_none() && section.is_there() {
                section.fault("commands", "is missing: what is done, if it is not `traffic` alone");
            }
            section.end();
            let external = External { traffic, acts: !commands.is_empty() };
            (name.clone(), ExternalDescription { external, commands, check })
        });
        read.collect()
    }

    fn webhook(&self, section: &Section<'_>, text: &str) {
        if let Some(name) = text.strip_prefix(SECRET) {
            self.secret(section, "webhook", name);
        } else if !text.starts_with("http://") && !text.starts_with("https://") {
            section.fault("webhook", "has to be an address that begins with http, or secret:NAME");
        }
    }

    fn commands(&self, root: &mut Section<'_>) -> CommandSettings {
        let mut section = root.section("commands");
        let folder =
            section.text("folder").map_or_else(|| self.folder.to_owned(), |it| self.path(&it));
        let variables = names(&mut section, "variables");
        for (name, value) in &variables {
            if let Some(secret) = value.strip_prefix(SECRET) {
                self.secret(&section, &format!("variables.{name}"), secret);
            }
        }
        section.end();
        CommandSettings { folder, variables, under_way: None }
    }

    fn asks(&self, root: &mut Section<'_>) -> Asks {
        let mut section = root.section("ask");
        let asks = Asks {
            ledger: self.argv(&mut section, "ledger"),
            restarts: self.argv(&mut section, "restarts"),
            describe: self.argv(&mut section, "describe"),
        };
        section.end();
        asks
    }
}

fn checked_url(section: &Section<'_>, text: &str) -> Option<String> {
    // What is wrong with it may be a password in it: it is not shown.
    base_url(text).map_err(|why| section.fault("url", why)).ok()
}

fn arm_of(section: &Section<'_>, text: &str) -> Option<Arm> {
    match text {
        "stable" => Some(Arm::Stable),
        "canary" => Some(Arm::Canary),
        _ => {
            section.fault("arm", "has to be \"stable\" or \"canary\"");
            None
        }
    }
}

fn length(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let read = section.text(key)?.parse::<Length>();
    let length = read.ok().filter(|length| length.seconds() > 0);
    if length.is_none() {
        section.fault(key, "has to be a length of time above 0s, as \"20s\" or \"2m\"");
    }
    length.map(|length| Duration::from_secs(length.seconds()))
}

fn traffic_move(section: &Section<'_>, text: &str) -> Option<TrafficMove> {
    if text == "withdraw" {
        return Some(TrafficMove::Withdraw);
    }
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let weight = percent.and_then(|percent| Weight::from_percent(percent).ok());
    let given = weight.filter(|weight| *weight != Weight::NONE).map(TrafficMove::Give);
    if given.is_none() {
        section.fault("traffic", "has to be \"withdraw\" or a share as \"100%\"");
    }
    given
}

/// Reads a table of texts with names of somebody's own choice.
fn names(section: &mut Section<'_>, key: &'static str) -> BTreeMap<String, String> {
    let entries = section.entries(key);
    let read = entries.into_iter().filter_map(|(name, value)| {
        let text = value.as_str().map(ToOwned::to_owned);
        if text.is_none() {
            section.fault(&format!("{key}.{name}"), "has to be a text in quotes");
        }
        Some((name.clone(), text?))
    });
    read.collect()
}

fn secrets(root: &mut Section<'_>, folder: &Path) -> BTreeMap<String, SecretSource> {
    let entries = root.entries("secrets");
    let read = entries.into_iter().filter_map(|(name, value)| {
        let is_good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || !name.chars().all(is_good) {
            root.fault(&format!("secrets.{name}"), "has to be named with letters, digits, `.`, `_`, `-`");
        }
        // A value that stands here is never shown, whatever is wrong with it.
        let table = value.as_table().filter(|table| table.len() == 1);
        let of = |key| table.and_then(|table| table.get(key)?.as_str()).filter(|it| !it.is_empty());
        let source = match (of("env"), of("file")) {
            (Some(variable), _) => Some(SecretSource::Env(variable.to_owned())),
            (_, Some(file)) => Some(SecretSource::File(folder.join(file))),
            _ => None,
        };
        if source.is_none() {
            let allowed = "has to be { env = \"VARIABLE\" } or { file = \"PATH\" }; a value itself does not stand here";
            root.fault(&format!("secrets.{name}"), allowed);
        }
        Some((name.clone(), source?))
    });
    read.collect()
}
