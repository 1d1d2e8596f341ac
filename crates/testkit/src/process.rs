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

use crate::wait::eventually;

/// A process, its output being collected.
#[derive(Debug)]
pub struct Process {
    /// The process.
    pub child: Child,
    log: Log,
    collectors: Vec<JoinHandle<()>>,
}

/// What a process has written.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Process {
    /// Starts a program with these variables alone, in a folder.
    ///
    /// # Panics
    /// Panics where it can't be started.
    pub fn spawn(program: &str, variables: &[(String, String)], folder: &Path) -> Self {
        let mut child = Command::new(program)
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

    /// Returns what it writes.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Checks that it goes on.
    ///
    /// # Panics
    /// Panics where it ended.
    pub fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("the server ended with {status}:\n{}", self.log.text());
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Panics where it does not come.
    pub fn wait(&mut self) -> ExitStatus {
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

    /// Returns everything so far.
    pub fn text(&self) -> String {
        self.0.lock().expect("no holder panics").join("\n")
    }

    /// Returns the lines that are JSON.
    pub fn entries(&self) -> Vec<Value> {
        let lines = self.0.lock().expect("no holder panics");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns whether a line has this message.
    pub fn has(&self, message: &str) -> bool {
        self.entries().iter().any(|entry| entry["message"] == message)
    }

    /// Returns the phases that were logged, in their order.
    pub fn phases(&self) -> Vec<String> {
        let entries = self.entries();
        let phases = entries.iter().filter(|entry| entry["message"] == "lifecycle");
        phases.map(|entry| entry["phase"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Returns where the server listens, once it says so.
    pub fn listening(&self) -> Option<SocketAddr> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry["message"] == "viz-api listening")?;
        entry["bind_addr"].as_str()?.parse().ok()
    }
}
