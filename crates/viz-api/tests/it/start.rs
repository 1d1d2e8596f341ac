//! How a start ends that can't succeed: 64 for a setting, 69 for what is not to be had.

use std::{
    fs,
    net::TcpListener,
    os::unix::{ffi::OsStringExt, fs::PermissionsExt},
    process::Command,
    sync::Arc,
};

use crate::support::server::{KEY_A, Plan};

#[test]
fn a_port_in_use_is_69() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let (code, text) = Plan::with_keys().set("VIZ_API_BIND", &address).run_in(folder.path());
    assert_eq!(code, 69, "{text}");
    assert!(text.contains(&address), "{text}");
}

#[test]
fn a_state_folder_that_cannot_be_used_is_64() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("a-file");
    fs::write(&file, "").expect("it can be written");
    // A file in the folder's place stops root too, whom no permission stops.
    for place in [file.clone(), file.join("below"), "/proc/nowhere".into()] {
        let plan = Plan::with_keys().set("REALTIME_STATE_DIR", place.display().to_string());
        let (code, text) = plan.run_in(folder.path());
        assert_eq!(code, 64, "{text}");
        assert!(text.contains(&place.display().to_string()), "{text}");
    }
}

#[test]
fn a_state_folder_in_use_is_69() {
    let server = Plan::with_keys().start();
    let (code, text) = Plan::with_keys().run_in(server.folder.path());
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("in use by another process"), "{text}");
    server.publish_ok(KEY_A, "a", 1);
    let mode = server.state_dir().metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_window_of_a_newer_program_is_64_and_stays() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("tidegate-data").join("org=org_a.window");
    fs::create_dir(file.parent().expect("it has one")).expect("it can be made");
    fs::write(&file, b"TIDEWIN\x09 and more").expect("it can be written");
    let (code, text) = Plan::with_keys().run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("org=org_a.window") && text.contains("a newer program"), "{text}");
    assert_eq!(fs::read(&file).expect("it is there"), b"TIDEWIN\x09 and more");
}

#[test]
fn a_key_set_that_is_no_file_or_no_key_set_is_64() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    fs::write(folder.path().join("torn.json"), r#"{"keys":[{"kty":"#).expect("it can be written");
    fs::write(folder.path().join("else.json"), "[]").expect("it can be written");
    fs::write(folder.path().join("large.json"), " ".repeat(2 << 20)).expect("it can be written");
    let table = [
        ("missing.json", "No such file"),
        (".", "Is a directory"),
        ("torn.json", "no key set"),
        ("else.json", "no key set"),
        ("large.json", "larger than"),
    ];
    for (file, reason) in table {
        let (code, text) = Plan::with_keys().set("TIDEGATE_JWT_JWKS", file).run_in(folder.path());
        assert_eq!(code, 64, "{file}: {text}");
        assert!(text.contains("TIDEGATE_JWT_JWKS") && text.contains(reason), "{file}: {text}");
    }
    assert!(!folder.path().join("tidegate-data").exists(), "nothing was taken up");
}

#[test]
fn all_slips_are_told_together() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let plan = Plan::bare()
        .set("REALTIME_BACKEND", "rediss")
        .set("TIDEGATE_DRAIN_SECONDS", "0")
        .set("TIDEGATE_UNHEARD_OF", "1")
        .set("VIZ_API_INGEST_MODE", "p2p")
        .set("VIZ_API_BIND", "0.0.0.0:0");
    let (code, text) = plan.run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("5 problems"), "{text}");
    for name in [
        "REALTIME_BACKEND",
        "TIDEGATE_DRAIN_SECONDS",
        "TIDEGATE_UNHEARD_OF",
        "VIZ_API_INGEST_MODE",
        "VIZ_API_BIND",
    ] {
        assert!(text.contains(name), "{name}: {text}");
    }
}

/// A build that can fail on purpose is for tests alone (docs/inject.md).
#[cfg(not(feature = "inject"))]
#[test]
fn faults_on_purpose_are_no_setting() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let plan = Plan::with_keys().set("TIDEGATE_INJECT", "errors=20%");
    let (code, text) = plan.run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("TIDEGATE_INJECT: there is no such setting"), "{text}");
}

/// Others' variables may hold any bytes; one of ours that does is told like any other slip.
#[test]
fn variables_that_are_no_text_do_not_stop_it_with_a_panic() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let bytes = || std::ffi::OsString::from_vec(b"\xff\xfe".to_vec());
    let run = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_viz-api"));
        command.env_clear().current_dir(folder.path()).env(name, bytes());
        command.env("REALTIME_BACKEND", "rediss").output().expect("the binary was built")
    };
    for (name, problems) in [("SOMEBODY_ELSES", "1 problem"), ("TIDEGATE_LOG", "2 problems")] {
        let output = run(name);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains(problems), "{text}");
    }
}

#[test]
fn the_announcement_names_what_operators_look_for() {
    let server = Plan::with_keys().start();
    let entries = server.log().entries();
    let announced = entries.iter().find(|entry| entry["message"] == "viz-api listening");
    let announced = announced.expect("it is logged");
    assert_eq!(announced["bind_addr"], server.address.to_string());
    assert_eq!(
        (&announced["ingest_mode"], &announced["backend"]),
        (&"off".into(), &"memory".into())
    );
    drop(Arc::clone(&server.folder));
}
