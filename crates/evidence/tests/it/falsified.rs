//! Ways to falsify an evidence folder, each found and named. Those of the second half know the log's
//! own key: whoever runs the log can sign it anew, and is still found by what others signed.

use evidence::{
    Choice, Contents, Entry, Envelope, Fault, Hash, Keyring, Note, Recorder, Redactor, Report,
    Request, Signer, verify,
};

use super::made::{Cast, ORIGIN, at, check, closed, contents, decision, gate, image, run, sign};

/// Checks that a report has exactly this fault at this place.
#[track_caller]
pub(super) fn found(report: &Report, place: &str, fault: &Fault) {
    let is_it = |finding: &evidence::Finding| finding.place == place && finding.fault == *fault;
    let shown: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(report.findings.iter().any(is_it), "no {place}: {fault} in {shown:#?}");
}

pub(super) fn entry(n: u64) -> String {
    format!("entries.jsonl entry {n}")
}

fn lines(contents: &Contents) -> Vec<String> {
    let text = String::from_utf8(contents.entries.clone().unwrap()).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

fn with_lines(contents: &Contents, lines: &[String]) -> Contents {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Contents { entries: Some(text.into_bytes()), ..contents.clone() }
}

/// What whoever has the log's key can do: number the lines anew and sign them.
fn sealed(cast: &Cast, contents: &Contents, lines: &[String]) -> Contents {
    let mut tree = evidence::Tree::default();
    let lines: Vec<String> = (0..)
        .zip(lines)
        .map(|(n, line)| {
            let entry: Entry = serde_json::from_str(line).unwrap();
            serde_json::to_string(&Entry { n, ..entry }).unwrap()
        })
        .collect();
    lines.iter().for_each(|line| tree.push(line.as_bytes()));
    let checkpoint = evidence::Checkpoint {
        origin: ORIGIN.to_owned(),
        size: tree.len(),
        root: tree.root(),
        extensions: Vec::new(),
    };
    let note = Note::new(checkpoint.to_string()).unwrap().signed(&cast.log);
    let checkpoint = Some(note.to_string().into_bytes());
    Contents { checkpoint, ..with_lines(contents, &lines) }
}

pub(super) fn whole() -> (Cast, Contents) {
    let cast = Cast::new();
    let contents = contents(&cast, &closed(&cast));
    assert_eq!(check(&cast, &contents).findings, []);
    (cast, contents)
}

#[test]
fn w01_a_word_of_an_entry_is_changed() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed[0] = changed[0].replace("\"exit\":0", "\"exit\":1");
    found(&check(&cast, &with_lines(&contents, &changed)), "checkpoint", &Fault::Root);
}

#[test]
fn w02_an_entry_is_taken_out() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed.remove(1);
    let report = check(&cast, &with_lines(&contents, &changed));
    found(&report, &entry(1), &Fault::Displaced(2));
    found(&report, "checkpoint", &Fault::Size { checkpoint: 6, entries: 5 });
}

#[test]
fn w03_an_entry_is_put_in() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed.insert(1, changed[0].replace("\"n\":0", "\"n\":1"));
    let report = check(&cast, &with_lines(&contents, &changed));
    found(&report, "checkpoint", &Fault::Size { checkpoint: 6, entries: 7 });
}

#[test]
fn w04_two_entries_are_swapped() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed.swap(3, 4);
    found(&check(&cast, &with_lines(&contents, &changed)), &entry(3), &Fault::Displaced(4));
    // Also where their numbers are swapped back.
    changed[3] = changed[3].replacen("\"n\":4", "\"n\":3", 1);
    changed[4] = changed[4].replacen("\"n\":3", "\"n\":4", 1);
    found(&check(&cast, &with_lines(&contents, &changed)), "checkpoint", &Fault::Root);
}

#[test]
fn w05_the_end_is_cut_off() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed.truncate(3);
    let report = check(&cast, &with_lines(&contents, &changed));
    found(&report, "entries.jsonl", &Fault::NoEnd);
    found(&report, "checkpoint", &Fault::Size { checkpoint: 6, entries: 3 });
}

#[test]
fn w06_the_file_is_torn() {
    let (cast, contents) = whole();
    let mut entries = contents.entries.clone().unwrap();
    entries.truncate(entries.len() - 1);
    let report = check(&cast, &Contents { entries: Some(entries), ..contents });
    found(&report, "entries.jsonl", &Fault::Torn);
}

#[test]
fn w07_the_checkpoint_names_another_size_or_root() {
    let (cast, contents) = whole();
    let note = String::from_utf8(contents.checkpoint.clone().unwrap()).unwrap();
    let signer = cast.log.verifier().key_id();
    let changed = note.replacen("\n6\n", "\n5\n", 1);
    let report = check(&cast, &Contents { checkpoint: Some(changed.into()), ..contents });
    found(&report, "checkpoint", &Fault::Signature(signer));
    found(&report, "checkpoint", &Fault::Size { checkpoint: 5, entries: 6 });
}

#[test]
fn w08_the_checkpoint_is_signed_by_a_key_that_nobody_trusts() {
    let (cast, contents) = whole();
    let checkpoint = closed(&cast).checkpoint(&cast.mallory).unwrap();
    let report = check(&cast, &Contents { checkpoint: Some(checkpoint.into()), ..contents });
    found(&report, "checkpoint", &Fault::Signature(cast.mallory.verifier().key_id()));
    found(&report, "checkpoint", &Fault::Unsigned);
}

#[test]
fn w09_the_checkpoint_is_signed_by_a_key_that_is_not_the_logs() {
    let (cast, contents) = whole();
    let checkpoint = closed(&cast).checkpoint(&cast.alice).unwrap();
    let report = check(&cast, &Contents { checkpoint: Some(checkpoint.into()), ..contents });
    let (key, role) = (cast.alice.verifier().key_id(), "log".to_owned());
    found(&report, "checkpoint", &Fault::Role { key, role });
}

#[test]
fn w10_a_signature_by_nobody_known_is_added_to_the_checkpoint() {
    let (cast, contents) = whole();
    let note: Note =
        String::from_utf8(contents.checkpoint.clone().unwrap()).unwrap().parse().unwrap();
    let more = note.signed(&cast.mallory).to_string();
    let report = check(&cast, &Contents { checkpoint: Some(more.into()), ..contents });
    found(&report, "checkpoint", &Fault::Signature(cast.mallory.verifier().key_id()));
}

#[test]
fn w11_the_folder_is_that_of_another_run() {
    let cast = Cast::new();
    let mut other = Recorder::new("example.com/runs/41", Redactor::default()).unwrap();
    other.close(at(0)).unwrap();
    let report = check(&cast, &contents(&cast, &other));
    found(&report, "checkpoint", &Fault::Origin("example.com/runs/41".to_owned()));
}

#[test]
fn w12_an_output_is_changed_taken_out_added_or_swapped() {
    let (cast, contents) = whole();
    let names: Vec<String> = contents.outputs.keys().cloned().collect();
    let at = |name: &str| format!("outputs/{name}");
    let mut changed = contents.clone();
    changed.outputs.get_mut(&names[0]).unwrap().sha256 = Hash::of(b"other");
    found(&check(&cast, &changed), &at(&names[0]), &Fault::Digest);
    let mut without = contents.clone();
    without.outputs.remove(&names[0]);
    found(&check(&cast, &without), &at(&names[0]), &Fault::Missing);
    let mut more = contents.clone();
    let name = Hash::of(b"more").to_string();
    more.outputs.insert(name.clone(), contents.outputs[&names[0]]);
    found(&check(&cast, &more), &at(&name), &Fault::Unnamed);
    let mut swapped = contents.clone();
    swapped.outputs.insert(names[0].clone(), contents.outputs[&names[1]]);
    swapped.outputs.insert(names[1].clone(), contents.outputs[&names[0]]);
    let report = check(&cast, &swapped);
    found(&report, &at(&names[0]), &Fault::Digest);
    found(&report, &at(&names[1]), &Fault::Digest);
}

#[test]
fn w13_a_file_is_missing_or_does_not_belong() {
    let (cast, contents) = whole();
    let strange = Contents { strange: vec!["notes.txt".to_owned()], ..contents.clone() };
    found(&check(&cast, &strange), "notes.txt", &Fault::Stranger);
    let without = Contents { entries: None, ..contents.clone() };
    found(&check(&cast, &without), "entries.jsonl", &Fault::Missing);
    let without = Contents { checkpoint: None, ..contents };
    found(&check(&cast, &without), "checkpoint", &Fault::Missing);
}

#[test]
fn w14_the_log_is_brought_back_to_an_earlier_state() {
    let cast = Cast::new();
    let (early, late) = (run(&cast), closed(&cast));
    // The earlier folder is sound in itself; it has no end, and whoever kept a later checkpoint knows.
    let earlier = contents(&cast, &early);
    found(&check(&cast, &earlier), "entries.jsonl", &Fault::NoEnd);
    let seen: Note = late.checkpoint(&cast.log).unwrap().parse().unwrap();
    let keyring = cast.keyring();
    let request = Request {
        contents: &earlier,
        keyring: Some(&keyring),
        seen: Some(&seen),
        may_be_open: true,
    };
    let size = Fault::Size { checkpoint: 6, entries: 5 };
    found(&verify(&request), "the checkpoint seen earlier", &size);
    let request = Request { seen: None, ..request };
    assert!(verify(&request).is_sound(), "as far as one can tell offline");
}

#[test]
fn w15_the_log_is_written_anew_by_its_own_key() {
    let (cast, contents) = whole();
    let seen: Note = run(&cast).checkpoint(&cast.log).unwrap().parse().unwrap();
    let mut changed = lines(&contents);
    changed[0] = changed[0].replace("\"exit\":0", "\"exit\":1");
    let rewritten = sealed(&cast, &contents, &changed);
    let report = check(&cast, &rewritten);
    // The release manager signed the root of what was before.
    found(&report, &entry(2), &Fault::Root);
    let keyring = cast.keyring();
    let request = Request {
        contents: &rewritten,
        keyring: Some(&keyring),
        seen: Some(&seen),
        may_be_open: false,
    };
    found(&verify(&request), "the checkpoint seen earlier", &Fault::Root);
}

#[test]
fn w16_a_decision_is_changed() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    let mut entry_2: Entry = serde_json::from_str(&changed[2]).unwrap();
    let envelope = entry_2.envelope.unwrap();
    let said = String::from_utf8(envelope.payload().unwrap()).unwrap();
    let mut written = serde_json::to_value(&envelope).unwrap();
    let payload = data_encoding::BASE64.encode(said.replace("\"GO\"", "\"HOLD\"").as_bytes());
    written["payload"] = payload.into();
    entry_2.envelope = Some(serde_json::from_value::<Envelope>(written).unwrap());
    changed[2] = serde_json::to_string(&entry_2).unwrap();
    let report = check(&cast, &sealed(&cast, &contents, &changed));
    found(&report, &entry(2), &Fault::Signature(cast.alice.verifier().key_id()));
    found(&report, &entry(2), &Fault::Unsigned);
}

/// Adds a decision that this key signed as this role.
fn decided(cast: &Cast, signer: &Signer, role: &str) -> Report {
    let mut log = run(cast);
    let (predicate, subject) = decision(Choice::Rollback, log.state(), role);
    log.statement(at(5), role, sign(&predicate, subject, signer), Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    check(cast, &contents(cast, &log))
}

#[test]
fn w17_a_decision_is_signed_by_a_key_that_is_not_the_roles() {
    let cast = Cast::new();
    assert!(decided(&cast, &cast.alice, "release-manager").is_sound());
    let (key, role) = (cast.bob.verifier().key_id(), "release-manager".to_owned());
    found(&decided(&cast, &cast.bob, "release-manager"), &entry(5), &Fault::Role { key, role });
    let report = decided(&cast, &cast.mallory, "release-manager");
    found(&report, &entry(5), &Fault::Signature(cast.mallory.verifier().key_id()));
}

#[test]
fn w18_whoever_runs_the_log_approves_it() {
    let cast = Cast::new();
    let (key, role) = (cast.log.verifier().key_id(), "conductor".to_owned());
    found(&decided(&cast, &cast.log, "conductor"), &entry(5), &Fault::Role { key, role });
}

#[test]
fn w19_a_decision_is_used_again() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed.insert(4, changed[2].clone());
    found(&check(&cast, &sealed(&cast, &contents, &changed)), &entry(4), &Fault::Repeated(2));
}

#[test]
fn w20_a_decision_over_another_log_is_used() {
    let cast = Cast::new();
    let mut log = run(&cast);
    let mut state = log.state();
    state.origin = "example.com/runs/41".to_owned();
    let (predicate, subject) = decision(Choice::Go, state, "release-manager");
    let envelope = sign(&predicate, subject, &cast.alice);
    log.statement(at(5), "release-manager", envelope, Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    let report = check(&cast, &contents(&cast, &log));
    found(&report, &entry(5), &Fault::Origin("example.com/runs/41".to_owned()));
}

#[test]
fn w21_a_decision_speaks_of_what_was_not_there_yet() {
    let cast = Cast::new();
    let mut log = run(&cast);
    let mut state = log.state();
    state.size += 1;
    let (predicate, subject) = decision(Choice::Go, state, "release-manager");
    let envelope = sign(&predicate, subject, &cast.alice);
    log.statement(at(5), "release-manager", envelope, Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    found(&check(&cast, &contents(&cast, &log)), &entry(5), &Fault::Future);
}

#[test]
fn w22_the_subject_of_a_decision_is_another_thing() {
    let cast = Cast::new();
    let mut log = run(&cast);
    let (predicate, _) = decision(Choice::Go, log.state(), "release-manager");
    let envelope = sign(&predicate, image(), &cast.alice);
    log.statement(at(5), "release-manager", envelope, Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    found(&check(&cast, &contents(&cast, &log)), &entry(5), &Fault::Subject);
}

#[test]
fn w23_a_statement_is_said_to_be_of_another_role() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    // Bob's rollback, said to be by the conductor.
    changed[4] = changed[4].replace("\"role\":\"operator\"", "\"role\":\"conductor\"");
    let report = check(&cast, &sealed(&cast, &contents, &changed));
    let (key, role) = (cast.bob.verifier().key_id(), "conductor".to_owned());
    found(&report, &entry(4), &Fault::Role { key, role });
}

#[test]
fn w24_a_gate_that_failed_is_signed_by_somebody_else() {
    let cast = Cast::new();
    let mut log = run(&cast);
    let envelope = sign(&gate(false), image(), &cast.mallory);
    log.statement(at(5), "conductor", envelope, Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    let report = check(&cast, &contents(&cast, &log));
    found(&report, &entry(5), &Fault::Signature(cast.mallory.verifier().key_id()));
}

#[test]
fn w25_the_same_key_signs_twice_to_look_like_two() {
    let cast = Cast::new();
    let mut log = run(&cast);
    let (predicate, subject) = decision(Choice::Rollback, log.state(), "release-manager");
    let envelope = sign(&predicate, subject, &cast.alice).signed(&cast.alice).unwrap();
    log.statement(at(5), "release-manager", envelope, Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    let twice = Fault::SignedTwice(cast.alice.verifier().key_id());
    found(&check(&cast, &contents(&cast, &log)), &entry(5), &twice);
}

#[test]
fn w26_something_is_added_behind_the_end() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed.push(changed[0].clone());
    found(&check(&cast, &sealed(&cast, &contents, &changed)), &entry(6), &Fault::AfterEnd);
}

#[test]
fn w27_an_entry_is_of_no_kind_that_is_known() {
    let (cast, contents) = whole();
    let mut changed = lines(&contents);
    changed[0] = changed[0].replace("\"kind\":\"record\"", "\"kind\":\"close\"");
    let report = check(&cast, &with_lines(&contents, &changed));
    let fields = Fault::Entry("its fields do not belong to its kind".to_owned());
    found(&report, &entry(0), &fields);
}

#[test]
fn w28_a_statement_of_an_unknown_type_is_not_taken_for_one_that_is_known() {
    let cast = Cast::new();
    for (name, payload) in [
        ("another payload type", ("text/plain", b"{}".as_slice())),
        ("no statement", (evidence::IN_TOTO_PAYLOAD_TYPE, b"{}".as_slice())),
    ] {
        let mut log = run(&cast);
        let envelope = Envelope::new(payload.0, payload.1).signed(&cast.alice).unwrap();
        log.statement(at(5), "release-manager", envelope, Vec::new()).unwrap();
        log.close(at(9)).unwrap();
        let report = check(&cast, &contents(&cast, &log));
        let is_it = |finding: &evidence::Finding| {
            finding.place == entry(5) && matches!(finding.fault, Fault::Statement(_))
        };
        assert!(report.findings.iter().any(is_it), "{name}: {:?}", report.findings);
    }
}

#[test]
fn what_is_sound_says_who_vouches_for_what() {
    let (cast, contents) = whole();
    let report = check(&cast, &contents);
    use evidence::Standing::{Asserted, Derived, Signed};
    let shown: Vec<(evidence::Standing, &str, &str)> = report
        .items
        .iter()
        .map(|item| (item.standing, item.place.as_str(), item.what.as_str()))
        .collect();
    let of = |place: &str| -> Vec<evidence::Standing> {
        shown.iter().filter(|row| row.1 == place).map(|row| row.0).collect()
    };
    assert_eq!(of("checkpoint"), [Signed]);
    assert_eq!(of(&entry(0)), [Asserted]);
    assert_eq!(of(&entry(1)), [Signed]);
    assert_eq!(of(&entry(2)), [Signed, Derived]);
    assert_eq!(of("entries.jsonl"), [Derived, Asserted]);
    assert_eq!(report.count(Derived), 4);
    let decision = report.items.iter().find(|item| item.place == entry(2)).unwrap();
    assert_eq!(
        decision.what,
        "decision GO: all gates passed as release-manager, over 2 of the 2 entries before it, of the plan"
    );
    assert_eq!(decision.signers, [cast.alice.verifier().key_id()]);
    assert_eq!((report.entries, report.closed), (6, true));
    assert_eq!(report.origin.as_deref(), Some(ORIGIN));
}

#[test]
fn a_log_without_entries_has_its_root() {
    let cast = Cast::new();
    let log = Recorder::new(ORIGIN, Redactor::default()).unwrap().without_end();
    let report = check(&cast, &contents(&cast, &log));
    assert_eq!(report.findings, []);
    // The root of nothing, RFC 6962.
    let root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!((report.entries, report.root.as_str()), (0, root));
}

#[test]
fn an_empty_folder_has_nothing_but_faults() {
    let cast = Cast::new();
    let report = check(&cast, &Contents::default());
    found(&report, "entries.jsonl", &Fault::Missing);
    found(&report, "checkpoint", &Fault::Missing);
    let nobody = Keyring::default();
    let (_, contents) = whole();
    let request =
        Request { contents: &contents, keyring: Some(&nobody), seen: None, may_be_open: false };
    found(&verify(&request), "checkpoint", &Fault::Unsigned);
}
