//! A run in mid-canary and its dead man, each as a process that a test can kill.
//!
//! `mid_canary run FOLDER LEASE_SECONDS` acts on what `FOLDER/dead-man.json` names: it takes the lease,
//! gives the canary everybody, starts the dead man, says `running PID` and renews until it is killed.
//! `mid_canary resume FOLDER LEASE_SECONDS` does the same without a share. `mid_canary stand-by FOLDER`
//! is the dead man.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{process::Command, time::sleep};
use traffic::{
    DeadManOrder, Router, Weight,
    haproxy::{HaproxyRouter, HaproxySettings},
    stand_by, start_dead_man,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["run", folder, seconds] => run(folder.into(), seconds.parse()?, Weight::ALL).await,
        ["resume", folder, seconds] => run(folder.into(), seconds.parse()?, Weight::NONE).await,
        ["stand-by", folder] => {
            let stood = stand_by(Path::new(folder), || say("watching")).await?;
            say(&format!("{stood:?}"));
            Ok(())
        }
        _ => Err("run FOLDER SECONDS, resume FOLDER SECONDS or stand-by FOLDER".into()),
    }
}

async fn run(
    folder: PathBuf,
    seconds: u64,
    weight: Weight,
) -> Result<(), Box<dyn std::error::Error>> {
    let order = DeadManOrder::read(&folder)?;
    let Ok(socket) = order.socket.parse();
    let settings = HaproxySettings {
        socket,
        map: order.map.clone(),
        pins: order.pins.clone(),
        canary: order.canary.clone(),
        stable: order.stable.clone(),
        timeout: Duration::from_millis(order.timeout_ms),
        lock: None,
    };
    let router = HaproxyRouter::new(settings, order.of.clone())?;
    let now = router.observe().await?.now;
    router.acquire(now.plus(seconds)).await?;
    let mut program = Command::new(std::env::current_exe()?);
    program.arg("stand-by").arg(&folder);
    let child = start_dead_man(program, &folder, &order).await?;
    router.ready(guard::Arm::Canary).await?;
    router.assign(weight).await?;
    say(&format!("running {}", child.id().unwrap_or_default()));
    loop {
        sleep(Duration::from_millis(200)).await;
        let now = router.observe().await?.now;
        router.renew(now.plus(seconds)).await?;
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _nobody_reads = writeln!(out, "{text}").and_then(|()| out.flush());
}
