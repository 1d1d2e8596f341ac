//! A replica as far as scripts and HAProxy see it: it answers what its image does, while its container
//! runs, and leaves without an answer while it does not.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    thread,
};

use serde_json::{Value, json};

/// Serves a container by its name; returns its port. The thread ends with the tests.
pub(super) fn serve(name: &'static str, fake: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fake = fake.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _left = answer(name, &fake, stream);
        }
    });
    port
}

fn read(path: PathBuf) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

fn answer(name: &str, fake: &Path, mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let head = lines.next().transpose()?.unwrap_or_default();
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    let Some(container) = read(fake.join(format!("containers/{name}.json"))) else { return Ok(()) };
    let image = container["image"].as_str().unwrap_or_default();
    let Some(kind) = read(fake.join(format!("kinds/{image}.json"))) else { return Ok(()) };
    if container["status"] != "running" {
        return Ok(());
    }
    let (status, body) = said(name, head.split(' ').nth(1).unwrap_or("/"), &kind);
    write!(
        stream,
        "HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn said(name: &str, path: &str, kind: &Value) -> (u64, String) {
    let status = kind["ready"].as_u64().unwrap_or(503);
    let reason = (status != 200).then_some("the database can't be reached");
    let health = json!({
        "status": if status == 200 { "healthy" } else { "degraded" },
        "checks": {"database": {
            "reason": reason,
            "migration_checksum": kind["checksum"],
            "log_place": {"prefix_sha256": kind["prefix"]},
        }},
    });
    match path {
        "/ready" | "/api/health" => (status, health.to_string()),
        "/metrics" => (200, format!("# TYPE x gauge\ntidegate_spool_events {}\n", kind["spool"])),
        _ => (200, format!("\n{name}")),
    }
}
