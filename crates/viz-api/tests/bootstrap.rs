//! The life of the real binary: settings → builder → start → ready → drain → stopped.
//!
//! Operators run this test by its name with `--exact`; the name stands at the root for that.

use std::{
    io::Read,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn binary_bootstrap_uses_runtime_builder_contract() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let mut server = Running::start(folder.path());
    let listening = server.line_with("viz-api listening");
    assert!(listening.contains("ingest_mode=off"), "{listening}");
    let address = listening.split("bind_addr=").nth(1).and_then(|rest| rest.split(' ').next());
    let address = address.expect("the line names the address");
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{listening}");
    server.line_with("lifecycle phase=ready");
    std::net::TcpStream::connect(address).expect("what is announced is listened on");
    assert_eq!(server.terminate(), Some(0), "{}", server.text());
    server.assert_order(&[
        "lifecycle phase=starting",
        "viz-api listening",
        "lifecycle phase=ready",
        "shutting down",
        "lifecycle phase=draining",
        "windows saved",
        "lifecycle phase=stopped",
    ]);
    assert!(folder.path().join("tidegate-data/clean").exists(), "the windows were saved whole");
    bad_settings_end_it_before_anything_is_opened();
}

/// The port is taken, which would end it with 69: 64 shows that the settings are looked at first.
fn bad_settings_end_it_before_anything_is_opened() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = run(folder.path(), &[("VIZ_API_BIND", &address), ("REALTIME_BACKEND", "rediss")]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("REALTIME_BACKEND"), "{text}");
    assert!(!text.contains("listening"), "{text}");
    assert!(!folder.path().join("tidegate-data").exists(), "no folder is made");
    let output = run(folder.path(), &[("VIZ_API_BIND", &address)]);
    assert_eq!(output.status.code(), Some(69), "with good settings it is the port");
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viz-api"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, variables: &[(&str, &str)]) -> Output {
    let variables = variables.iter().copied();
    command(folder).envs(variables).output().expect("the binary was built with the test")
}

/// A server, its log being collected; it is killed when it is dropped.
struct Running {
    child: Child,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let mut child = command(folder)
            .env("VIZ_API_BIND", "127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built with the test");
        let log = Arc::default();
        collect(child.stderr.take().expect("it is piped"), Arc::clone(&log));
        Running { child, log }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().expect("no holder panics")).into_owned()
    }

    fn line_with(&self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(line) = whole.lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            assert!(Instant::now() < until, "`{part}` is not in the log:\n{text}");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("there is a `kill`").success());
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Checks that each part is in the log, each once and after the one before.
    fn assert_order(&self, parts: &[&str]) {
        self.line_with(parts[parts.len() - 1]);
        let text = self.text();
        let places: Vec<_> = parts.iter().map(|part| text.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{text}");
        for part in parts {
            assert_eq!(text.matches(part).count(), 1, "{part}\n{text}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(bytes @ 1..) = from.read(&mut buffer) {
            into.lock().expect("no holder panics").extend_from_slice(&buffer[..bytes]);
        }
    });
}
