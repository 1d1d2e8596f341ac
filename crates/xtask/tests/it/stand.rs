//! A stack to move a canary on: a copy of `deploy`, containers that are files, replicas that are small
//! servers, and a real HAProxy with the real `haproxy.cfg` before them.

mod server;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::server::serve;
use crate::tree::{Ran, in_workspace, run, until};

/// The ids of images.
pub(crate) const OLD: &str =
    "sha256:1111111111111111111111111111111111111111111111111111111111111111";
pub(crate) const NEW: &str =
    "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// The secrets of `.env`, which stand nowhere else.
pub(crate) const SECRETS: [&str; 3] =
    ["key-of-a-test", "redispasswordofatest", "surrealpasswordofatest"];

const ROUTER: &str = "haproxy:2.6";

/// A stack; its HAProxy ends with it.
pub(crate) struct Stand {
    folder: TempDir,
    router: Child,
    edge: String,
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _gone = self.router.kill();
        let _ended = self.router.wait();
    }
}

/// What an image does: ready and healthy, with the migrations and the prefix of all.
pub(crate) fn kind() -> Value {
    json!({"ready": 200, "checksum": "c1", "prefix": "p1", "spool": 0})
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Stand {
    /// Starts two stable replicas of the old image; `tidegate:next` is the new one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = folder.path().join("fake");
        for name in ["containers", "kinds"] {
            fs::create_dir_all(fake.join(name)).unwrap();
        }
        copy_deploy(folder.path());
        install_fake(folder.path());
        let ports = ["replica-1", "replica-2", "canary"].map(|name| (name, serve(name, &fake)));
        let (router, edge) = start_router(&fake, &ports);
        let mut places = json!({"edge": edge, "/var/lib/haproxy/admin.sock": fake.join("socket")});
        for (name, port) in ports {
            places[format!("port of {name}")] = json!(port.to_string());
        }
        let stand = Self { folder, router, edge };
        stand.put("places.json", &places);
        let names = json!({"tidegate:local": OLD, "tidegate:next": NEW, ROUTER: "sha256:router"});
        stand.put("images.json", &names);
        stand.put("volumes.json", &json!(["tidegate_canary"]));
        stand.put(&format!("kinds/{OLD}.json"), &kind());
        stand.put(&format!("kinds/{NEW}.json"), &kind());
        for service in ["replica-1", "replica-2"] {
            stand.run_container(service, OLD, "tidegate:local");
        }
        stand.run_container("haproxy", "sha256:router", ROUTER);
        until("HAProxy has found the replicas", || stand.get("/ready").starts_with("HTTP/1.1 200"));
        stand
    }

    pub(crate) fn deploy(&self) -> PathBuf {
        self.folder.path().join("tree/deploy")
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.deploy().join("state").join(name)
    }

    /// Writes what the fake knows.
    pub(crate) fn put(&self, name: &str, value: &Value) {
        fs::write(self.folder.path().join("fake").join(name), value.to_string()).unwrap();
    }

    pub(crate) fn known(&self, name: &str) -> Option<Value> {
        let text = fs::read_to_string(self.folder.path().join("fake").join(name)).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// Makes a container of an image, as if somebody had.
    pub(crate) fn run_container(&self, service: &str, image: &str, name: &str) {
        let container = json!({
            "id": format!("{service}-0"), "image": image, "name": name,
            "status": "running", "health": "healthy",
        });
        self.put(&format!("containers/{service}.json"), &container);
    }

    pub(crate) fn image_of(&self, service: &str) -> Option<String> {
        let container = self.known(&format!("containers/{service}.json"))?;
        container["image"].as_str().map(str::to_owned)
    }

    /// Returns the calls of docker that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("fake/calls")).unwrap_or_default();
        let is_change = |line: &&str| {
            ["compose stop", " stop ", " rm ", " up ", "volume rm", " run "]
                .iter()
                .any(|part| line.contains(part))
        };
        calls.lines().filter(is_change).map(str::to_owned).collect()
    }

    /// Returns a command of `deploy/scripts`, with the fakes first in its path.
    pub(crate) fn command(&self, script: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.deploy().join("scripts").join(script));
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let bin = self.folder.path().join("bin");
        command.args(words).env("PATH", format!("{}:{path}", bin.display()));
        command
            .env("FAKE_DOCKER", self.folder.path().join("fake"))
            .env_remove("COMPOSE_PROJECT_NAME");
        command
    }

    /// Runs a script; it never shows a secret, and neither does what it writes.
    pub(crate) fn script(&self, script: &str, words: &[&str]) -> Ran {
        let ran = run(&mut self.command(script, words));
        for secret in SECRETS {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{secret}: {ran:?}");
            for file in fs::read_dir(self.deploy().join("state")).into_iter().flatten() {
                let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
                assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{secret} is on disk");
            }
        }
        ran
    }

    /// Deploys the new image as the canary.
    pub(crate) fn deployed(&self) {
        self.script("canary-deploy.sh", &["tidegate:next", "--deadline", "20"]).check(0, &[]);
    }

    pub(crate) fn rollback(&self, words: &[&str]) -> Ran {
        self.script("canary-rollback.sh", &[&["--deadline", "3"], words].concat())
    }

    /// Asks as a client does.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        let Ok(mut stream) = TcpStream::connect(&self.edge) else { return answer };
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let _sent = stream.write_all(head.as_bytes());
        let _read = stream.read_to_string(&mut answer);
        answer
    }

    /// Tells who answers clients now.
    pub(crate) fn who_answers(&self) -> Vec<String> {
        let answers = (0..40).map(|_| self.get("/who"));
        let mut who: Vec<_> =
            answers.map(|answer| answer.rsplit('\n').next().unwrap().to_owned()).collect();
        who.sort();
        who.dedup();
        who
    }

    /// Carries a command of HAProxy's runtime socket out.
    pub(crate) fn router(&self, line: &str) -> String {
        let socket = self.folder.path().join("fake/socket");
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Ends HAProxy, for what happens without it.
    pub(crate) fn end_router(&mut self) {
        self.router.kill().unwrap();
        self.router.wait().unwrap();
    }

    /// Returns the newest evidence of a kind.
    pub(crate) fn evidence(&self, kind: &str) -> Value {
        let files = fs::read_dir(self.deploy().join("state")).unwrap();
        let names = files.map(|file| file.unwrap().path());
        let is_kind = |path: &PathBuf| {
            path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{kind}-2"))
        };
        let path = names.filter(is_kind).max().expect("there is evidence");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

fn copy_deploy(folder: &Path) {
    let to = folder.join("tree/deploy");
    fs::create_dir_all(to.join("scripts")).unwrap();
    for name in ["docker-compose.yml", "haproxy.cfg", "redis.conf", "example.env"] {
        fs::copy(in_workspace("deploy").join(name), to.join(name)).unwrap();
    }
    for script in fs::read_dir(in_workspace("deploy/scripts")).unwrap() {
        let script = script.unwrap();
        fs::copy(script.path(), to.join("scripts").join(script.file_name())).unwrap();
    }
    let [keys, redis, surreal] = SECRETS;
    let env = format!(
        "COMPOSE_PROJECT_NAME=tidegate\nTIDEGATE_KEYS=acme={keys}\nREDIS_PASSWORD={redis}\n\
         SURREAL_USER=root\nSURREAL_PASS={surreal}\n"
    );
    fs::write(to.join(".env"), env).unwrap();
}

/// Puts a `docker` into a folder of programs.
fn install_fake(folder: &Path) {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let fake = in_workspace("crates/xtask/tests/it/stand/docker.py");
    let text = format!("#!/bin/sh\nexec /usr/bin/python3 -I -S {} \"$@\"\n", fake.display());
    fs::write(bin.join("docker"), text).unwrap();
    fs::set_permissions(bin.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Starts HAProxy on a free port, which somebody else may have taken meanwhile.
fn start_router(fake: &Path, ports: &[(&str, u16); 3]) -> (Child, String) {
    for _ in 0..10 {
        let edge = free_address();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(in_workspace("deploy/haproxy.cfg"));
        command.env("EDGE_BIND", &edge).env("EDGE_METRICS_BIND", free_address());
        command.env("EDGE_SOCKET", fake.join("socket")).env("EDGE_CHECK_EVERY", "100ms");
        command.env("EDGE_MAXCONN", "200");
        for (name, (_, port)) in ["REPLICA_1", "REPLICA_2", "REPLICA_CANARY"].iter().zip(ports) {
            command.env(name, format!("127.0.0.1:{port}"));
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("`cargo xtask setup` installs haproxy");
        until("HAProxy listens or has ended", || {
            UnixStream::connect(fake.join("socket")).is_ok() || child.try_wait().unwrap().is_some()
        });
        if child.try_wait().unwrap().is_none() {
            return (child, edge);
        }
    }
    panic!("haproxy does not start");
}
