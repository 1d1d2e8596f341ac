//! The image's files against the program: what is built, copied, started and asked is there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::command::{run, start};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Returns the instructions of the Dockerfile, each on one line, without comments.
fn instructions() -> Vec<String> {
    let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    joined.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Returns what stands behind a word, where it stands last: in the image that is shipped.
fn last(word: &str) -> String {
    let all = instructions();
    let found = all.iter().rev().find_map(|line| line.strip_prefix(&format!("{word} ")));
    found.unwrap_or_else(|| panic!("no {word}: {all:?}")).to_owned()
}

/// Returns the words of a command in the form that needs no shell.
fn words(list: &str) -> Vec<String> {
    serde_json::from_str(list).unwrap_or_else(|error| panic!("{list} needs a shell: {error}"))
}

fn variables() -> BTreeMap<String, String> {
    let pairs = last("ENV");
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.into(), value.into()));
    pairs.split(' ').map(|text| pair(text).unwrap()).collect()
}

/// Returns the program with the words of the image, in the image's environment.
fn program(words: &[String], changed: &[(&str, &str)]) -> Command {
    assert_eq!(words[0], "/usr/local/bin/tidegate");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(&words[1..]).env_clear().envs(variables()).envs(changed.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn what_it_starts_serves_and_its_health_check_says_so() {
    let started = [words(&last("ENTRYPOINT")), words(&last("CMD"))].concat();
    let health = last("HEALTHCHECK");
    let asked = words(health.split_once("CMD ").unwrap().1);
    let port = variables()["VIZ_API_BIND"].rsplit(':').next().unwrap().to_owned();
    assert_eq!(last("EXPOSE"), port);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let of_test = [
        ("VIZ_API_BIND", "0.0.0.0:0"),
        ("REALTIME_STATE_DIR", state),
        ("TIDEGATE_KEYS", "acme=a-good-key"),
    ];
    let server = start(&mut program(&started, &of_test));
    let line = server.wait_for("viz-api listening");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let bind = line["bind_addr"].as_str().unwrap();
    let here = [("VIZ_API_BIND", bind), of_test[1], of_test[2]];
    server.wait_for("\"phase\":\"ready\"");
    let check = || run(&mut program(&asked, &here));
    assert_eq!(check().code, 0, "{:?}", check());
    // As the image is told to stop.
    server.signal(last("STOPSIGNAL").strip_prefix("SIG").unwrap());
    assert_eq!(server.finish().code, 0);
    assert_ne!(check().code, 0);
}

#[test]
fn it_is_built_as_locked_and_runs_as_nobody_in_particular() {
    let all = instructions();
    let build = all.iter().find(|line| line.contains("cargo build")).unwrap();
    for part in
        ["--release", "--locked", "--package tidegate", "--bin tidegate", "target/release/tidegate"]
    {
        assert!(build.contains(part), "{part}: {build}");
    }
    assert!(env!("CARGO_BIN_EXE_tidegate").ends_with("/tidegate"));
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let version = version.trim_matches('"');
    assert!(all[0].starts_with(&format!("FROM rust:{version}-bookworm ")), "{}", all[0]);
    // The same C library on both sides, and no shell on the second.
    let image = all.iter().rev().find(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(image, "FROM gcr.io/distroless/cc-debian12:nonroot");
    let user = last("USER");
    assert_eq!(user, "65532:65532");
    let state = &variables()["REALTIME_STATE_DIR"];
    assert_eq!([&last("VOLUME"), &last("WORKDIR")], [state, state]);
    let copies: Vec<_> = all.iter().filter(|line| line.starts_with("COPY --from=build")).collect();
    assert_eq!(copies.len(), 2);
    for copy in copies {
        let source = copy.split(' ').rev().nth(1).unwrap();
        assert!(build.contains(&format!(" {source}")), "{source} is not made: {build}");
    }
    assert!(all.contains(&format!("COPY --from=build --chown={user} /out/state {state}")));
}

/// Returns what the builder gets: the file begins with leaving out everything.
fn admitted() -> Vec<String> {
    let text = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    assert_eq!(lines.next(), Some("*"));
    lines.map(|line| line.strip_prefix('!').unwrap().to_owned()).collect()
}

#[test]
fn the_builder_gets_what_the_sources_name_and_no_more() {
    let admitted = admitted();
    for needed in [".cargo", "Cargo.lock", "Cargo.toml", "crates"] {
        assert!(admitted.contains(&needed.to_owned()), "{needed}");
    }
    for entry in &admitted {
        assert!(root().join(entry).exists(), "{entry} is not there");
    }
    let mut files = Vec::new();
    collect(&root().join("crates"), &mut files);
    let mut outside = 0;
    for file in &files {
        for name in included(&fs::read_to_string(file).unwrap()) {
            let path = file.parent().unwrap().join(name).canonicalize();
            let path = path.unwrap_or_else(|error| panic!("{}: {name}: {error}", file.display()));
            let path = path.strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned();
            let top = path.iter().next().unwrap().to_str().unwrap().to_owned();
            outside += usize::from(top != "crates");
            assert!(admitted.contains(&top), "{} includes {}", file.display(), path.display());
        }
    }
    assert!(outside > 0, "some include what lies outside of `crates`");
}

/// Collects the sources that a build compiles: no tests.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            collect(&path, files);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            files.push(path);
        }
    }
}

/// Returns the paths that a source includes.
fn included(text: &str) -> Vec<&str> {
    let behind = ["include_str!(\"", "include_bytes!(\""].map(|word| text.split(word).skip(1));
    behind.into_iter().flatten().filter_map(|rest| rest.split('"').next()).collect()
}
