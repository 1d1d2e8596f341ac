//! The files in `deploy`, against the programs that read them and the code that they name: a setting,
//! a port or a path that is renamed here has to be renamed there.

mod compose;
mod edge;
mod redis;

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use serde_json::Value;

use crate::support::edge::in_workspace;

/// What has to be given; the values are a test's own.
const SECRETS: [(&str, &str); 4] = [
    ("TIDEGATE_KEYS", "org_a=key-of-alice@alice,org_a=key-of-bob@bob"),
    ("REDIS_PASSWORD", "a-password-of-redis"),
    ("SURREAL_USER", "a-root"),
    ("SURREAL_PASS", "a-password-of-the-database"),
];

/// Turns what compose prints into JSON; compose has brought this module.
const TO_JSON: &str = "import json,sys,yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";

pub(crate) fn text_of(path: &str) -> String {
    fs::read_to_string(in_workspace(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lets compose read the file with these variables; what it says where it refuses.
fn try_compose(variables: &[(&str, &str)]) -> Result<Value, String> {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let env = folder.path().join("env");
    let lines: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    fs::write(&env, lines.concat()).expect("the folder can be written");
    let mut compose = Command::new("docker-compose");
    compose.arg("-f").arg(in_workspace("deploy/docker-compose.yml")).arg("--env-file").arg(&env);
    let read = compose.arg("config").env_remove("COMPOSE_FILE").output();
    let read = read.expect("`cargo xtask setup` installs docker-compose");
    if !read.status.success() {
        return Err(String::from_utf8_lossy(&read.stderr).into_owned());
    }
    let yaml = folder.path().join("yaml");
    fs::write(&yaml, &read.stdout).expect("the folder can be written");
    let yaml = fs::File::open(yaml).expect("it was written");
    let json = Command::new("/usr/bin/python3").args(["-c", TO_JSON]).stdin(yaml).output();
    let json = json.expect("`cargo xtask setup` installs python3-yaml");
    Ok(serde_json::from_slice(&json.stdout).expect("it is JSON"))
}

/// Returns the file as compose reads it.
pub(crate) fn composed() -> Value {
    try_compose(&SECRETS).unwrap_or_else(|why| panic!("{why}"))
}

/// Returns the environment of a service.
pub(crate) fn environment(composed: &Value, service: &str) -> BTreeMap<String, String> {
    let of = composed["services"][service]["environment"].as_object().expect("it has one");
    let text = |value: &Value| value.as_str().expect("compose makes them texts").to_owned();
    of.iter().map(|(name, value)| (name.clone(), text(value).replace("$$", "$"))).collect()
}

/// Returns the words of a command or a health check.
pub(crate) fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().expect("a list").iter();
    words.map(|word| word.as_str().expect("a text").replace("$$", "$")).collect()
}

/// Reads `60s` and `1m0s`.
fn duration(text: &str) -> Duration {
    let (minutes, seconds) = text.split_once('m').unwrap_or(("0", text));
    let number = |text: &str| text.trim_end_matches('s').parse::<u64>().expect("a whole number");
    Duration::from_secs(60 * number(minutes) + number(seconds))
}

/// Returns what a variable of `haproxy.cfg` is without an environment.
fn preset(name: &str) -> String {
    let text = text_of("deploy/haproxy.cfg");
    let begins = format!("presetenv {name} ");
    let value = text.lines().find_map(|line| line.trim().strip_prefix(&*begins));
    value.unwrap_or_else(|| panic!("{name} is not preset")).trim_matches('"').to_owned()
}
