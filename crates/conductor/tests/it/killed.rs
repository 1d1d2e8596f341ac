//! A run whose process is killed behind every entry and every effect: whoever goes on with it comes to
//! the same end, does nothing twice, and leaves evidence that holds.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use conductor::{Event, Phase, RunFolder, RunRecord, State, export, read};
use evidence::{Keyring, Request, verify};

use super::cast::key;

/// How long one process may take before the test has failed; far more than it does take.
const PATIENCE: Duration = Duration::from_secs(60);

/// More entries than the run has, and more effects.
const ENTRIES: u64 = 36;
const EFFECTS: u64 = 8;

/// The length of files on a disk that is full amid the run, in blocks of 512 bytes: more than the plan
/// has, and less than the journal.
const FULL_BLOCKS: u64 = 10;

/// How many runs go on at one time.
const AT_ONCE: usize = 4;

/// Seeds of the runs that are killed twice.
const SEEDS: [u64; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

/// Where a process ends itself, as the example is told.
type Death = Option<(&'static str, u64)>;

/// The example, which `cargo test -p conductor` builds.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let example = target.join("examples/driven_run");
    let how = "build it with `cargo build -p conductor --example driven_run`";
    assert!(example.is_file(), "{} is missing: {how}", example.display());
    example
}

/// Calls the example, and waits for its end.
fn call(dir: &Path, death: Death) {
    let mut command = Command::new(example());
    command.arg(dir).stderr(Stdio::null()).stdout(Stdio::null());
    if let Some((place, number)) = death {
        command.args([place, &number.to_string()]);
    }
    let mut child = command.spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while is_there(&mut child) {
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            let journal = fs::read_to_string(dir.join("journal")).unwrap_or_default();
            panic!("the run {death:?} goes on and on:\n{journal}");
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

fn is_there(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_none()
}

/// Returns how far a run is by its journal.
fn phase(dir: &Path) -> Phase {
    let Ok(folder) = RunFolder::open(dir) else { return Phase::Draft };
    let bytes = fs::read(folder.journal()).unwrap_or_default();
    let read = read(&bytes).unwrap();
    let mut state = State::new(&folder.plan().unwrap()).unwrap();
    for (size, entry) in (0..).zip(&read.entries) {
        let view = conductor::JournalView { tree: &read.tree, size };
        state.apply(&entry.event, view).unwrap();
    }
    state.phase()
}

fn has_ended(dir: &Path) -> bool {
    use Phase::{Aborted, Kept, RollbackFailed, RolledBack};
    matches!(phase(dir), Aborted | Kept | RollbackFailed | RolledBack)
}

/// Carries a run out whose process dies so, and goes on with it until it ends.
fn end(deaths: &[Death]) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("run");
    for death in deaths {
        call(&dir, *death);
        if has_ended(&dir) {
            break;
        }
    }
    if !has_ended(&dir) {
        call(&dir, None);
    }
    let journal = || fs::read_to_string(dir.join("journal")).unwrap_or_default();
    assert_eq!(phase(&dir), Phase::RolledBack, "{deaths:?}\n{}", journal());
    check_effects(&dir, deaths);
    check_evidence(&dir, deaths);
}

/// Nothing that changes something was done twice, and all of it was done.
fn check_effects(dir: &Path, deaths: &[Death]) {
    let written = fs::read_to_string(dir.with_extension("effects")).unwrap();
    let mut counts = BTreeMap::<&str, u32>::new();
    for effect in written.lines() {
        *counts.entry(effect).or_default() += 1;
    }
    // What only looks may look again.
    assert!(counts.remove("G1").is_some(), "{deaths:?}: {written}");
    let once = ["A1", "R1", "R2", "S1", "S2", "S3"].map(|step| (step, 1));
    assert_eq!(counts, BTreeMap::from(once), "{deaths:?}");
}

/// The journal as evidence is whole, and by the log's key.
fn check_evidence(dir: &Path, deaths: &[Death]) {
    let folder = RunFolder::open(dir).unwrap();
    let (plan, journal) = (folder.plan().unwrap(), fs::read(folder.journal()).unwrap());
    let entries = read(&journal).unwrap().entries;
    let wanted = entries.iter().flat_map(|entry| entry.outputs.iter().map(|output| output.sha256));
    let outputs = folder.outputs(wanted).unwrap();
    let record = RunRecord { journal: &journal, plan: &plan, outputs: &outputs };
    let log = export(&record, &key("log"), "2026-02-07T11:00:00Z".parse().unwrap()).unwrap();
    let contents = log.contents(&key("log")).unwrap();
    let keyring: Keyring = format!("log {}\n", key("log").verifier()).parse().unwrap();
    let request =
        Request { contents: &contents, keyring: Some(&keyring), seen: None, may_be_open: false };
    let report = verify(&request);
    assert_eq!((report.findings, report.closed), (Vec::new(), true), "{deaths:?}");
}

/// Ends all of these runs, a few at one time.
fn end_all(runs: &[Vec<Death>]) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::SeqCst);
                        let Some(run) = usize::try_from(n).ok().and_then(|n| runs.get(n)) else {
                            break;
                        };
                        end(run);
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Calls the example with a limit for the length of files, as if the disk were full there, and returns
/// what it says.
fn call_on_a_full_disk(dir: &Path, blocks: u64) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f $2; exec \"$0\" \"$1\""]);
    command.arg(example()).arg(dir).arg(blocks.to_string());
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while is_there(&mut child) {
        assert!(Instant::now() < until, "the run on a full disk goes on and on");
        thread::park_timeout(Duration::from_millis(10));
    }
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    said
}

#[test]
fn on_a_full_disk_nothing_more_is_begun_and_with_room_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("run");
    let said = call_on_a_full_disk(&dir, FULL_BLOCKS);
    assert!(said.contains("Journal(File(") && said.contains("FileTooLarge"), "{said}");
    // What was done has its intent on disk.
    let journal = fs::read(dir.join("journal")).unwrap();
    let effects = fs::read_to_string(dir.with_extension("effects")).unwrap();
    let entries = read(&journal).unwrap().entries;
    for effect in effects.lines() {
        let is_intent =
            |event: &Event| matches!(event, Event::Intent { step, .. } if step == effect);
        assert!(entries.iter().any(|entry| is_intent(&entry.event)), "{effect}");
    }
    assert!(!has_ended(&dir));
    call(&dir, None);
    assert_eq!(phase(&dir), Phase::RolledBack);
    check_effects(&dir, &[]);
    check_evidence(&dir, &[]);
}

#[test]
fn behind_every_entry() {
    let runs: Vec<_> = (1..=ENTRIES).map(|n| vec![Some(("after-entry", n))]).collect();
    end_all(&runs);
}

#[test]
fn behind_every_effect() {
    let runs: Vec<_> = (1..=EFFECTS).map(|n| vec![Some(("after-effect", n))]).collect();
    end_all(&runs);
}

#[test]
fn twice_in_one_run() {
    end_all(&SEEDS.map(twice));
}

/// Two places to die at that follow from a seed (xorshift64*, Vigna 2016); a failure names them.
fn twice(seed: u64) -> Vec<Death> {
    let mut drawn = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut draw = |below: u64| {
        drawn ^= drawn >> 12;
        drawn ^= drawn << 25;
        drawn ^= drawn >> 27;
        (drawn.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    };
    let first = 2 + draw(ENTRIES - 8);
    let second = match draw(3) {
        0 => ("after-effect", 1 + draw(2)),
        _ => ("after-entry", first + 1 + draw(4)),
    };
    vec![Some(("after-entry", first)), Some(second)]
}
