//! A process of the real binary, and what it writes.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use serde_json::Value;

use super::wait::eventually;

/// A process, its output being collected.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) child: Child,
    log: Log,
    collectors: Vec<JoinHandle<()>>,
}

/// What a process has written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Process {
    pub(crate) fn spawn(variables: &[(String, String)], folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gotong-api"))
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built with the test");
        let log = Log::default();
        let pipes: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("it is piped")),
            Box::new(child.stderr.take().expect("it is piped")),
        ];
        let collectors = pipes.map(|pipe| log.collect(pipe)).into();
        Process { child, log, collectors }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("the server ended with {status}:\n{}", self.log.text());
        }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = eventually("the process ends", || self.child.try_wait().expect("it is ours"));
        for collector in self.collectors.drain(..) {
            collector.join().expect("a collector only reads");
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn collect(&self, pipe: Box<dyn Read + Send>) -> JoinHandle<()> {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                log.0.lock().expect("no holder panics").push(line);
            }
        })
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("no holder panics").join("\n")
    }

    /// Returns the lines that are JSON.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let lines = self.0.lock().expect("no holder panics");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the phases that were logged, in their order.
    pub(crate) fn phases(&self) -> Vec<String> {
        let entries = self.entries();
        let phases = entries.iter().filter(|entry| entry["message"] == "lifecycle");
        phases.map(|entry| entry["phase"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) fn listening(&self) -> Option<SocketAddr> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry["message"] == "viz-api listening")?;
        entry["bind_addr"].as_str()?.parse().ok()
    }
}
