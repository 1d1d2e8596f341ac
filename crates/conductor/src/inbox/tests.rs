//! What other processes put there, well formed and not.

use evidence::Choice;
use tempfile::{TempDir, tempdir};

use super::*;

fn inbox() -> (TempDir, Inbox) {
    let dir = tempdir().unwrap();
    let inbox = Inbox::new(dir.path().to_owned());
    (dir, inbox)
}

fn again(step: &str) -> Request {
    Request::Again { step: step.into() }
}

fn decided() -> Request {
    let (role, person, reason) = ("lead".into(), "Bo".into(), "it is so".into());
    let about = Some("S1".into());
    Request::Said(Box::new(Event::Decided { choice: Choice::Waive, role, person, reason, about }))
}

#[test]
fn requests_come_in_their_order_and_are_answered() {
    let (_dir, mut inbox) = inbox();
    let asked = [again("S1"), decided(), again("S2")];
    let names: Vec<_> = asked.iter().map(|request| inbox.put(request).unwrap()).collect();
    let waiting = inbox.waiting().unwrap();
    let expected: Vec<_> = names.iter().cloned().zip(asked.into_iter().map(Ok)).collect();
    assert_eq!(waiting, expected);
    assert_eq!(inbox.answer(&names[0]).unwrap(), None);
    let refused = Answer::Refused("S1 has passed".into());
    inbox.settle(&names[0], &refused).unwrap();
    inbox.settle(&names[1], &Answer::Taken).unwrap();
    assert_eq!(inbox.answer(&names[0]).unwrap(), Some(refused));
    assert_eq!(inbox.answer(&names[1]).unwrap(), Some(Answer::Taken));
    assert_eq!(inbox.waiting().unwrap().len(), 1);
}

#[test]
fn two_of_one_moment_are_two() {
    let (_dir, inbox) = inbox();
    let names: Vec<_> = (0..100).map(|_| inbox.put(&again("S1")).unwrap()).collect();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((distinct.len(), distinct), (100, names));
    assert_eq!(inbox.waiting().unwrap().len(), AT_ONCE_MAX);
}

#[test]
fn what_people_do_not_say_is_not_put_there() {
    let (_dir, inbox) = inbox();
    let intent = Event::Intent { step: "S1".into(), attempt: 1 };
    let error = inbox.put(&Request::Said(Box::new(intent))).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(inbox.waiting().unwrap(), []);
}

#[test]
fn what_is_no_request_has_why() {
    let table: [(&[u8], &str); 7] = [
        (b"", "EOF"),
        (b"{\"again\":{\"step\":\"S", "EOF"),
        (b"{\"again\":{\"step\":\"S1\"}} more", "trailing"),
        (b"{\"forget\":{\"step\":\"S1\"}}", "unknown variant"),
        (b"{\"said\":{\"intent\":{\"step\":\"S1\",\"attempt\":1}}}", "unknown variant"),
        (b"{\"said\":{\"approved\":{\"role\":\"lead\",\"person\":\"Bo\",\"plan\":\"0\"}}}", ""),
        (b"\xff", ""),
    ];
    for (bytes, why) in table {
        let (dir, inbox) = inbox();
        fs::write(dir.path().join("1.json"), bytes).unwrap();
        let waiting = inbox.waiting().unwrap();
        let said = waiting[0].1.clone().unwrap_err();
        assert!(said.contains(why), "{bytes:?}: {said}");
    }
}

#[test]
fn what_is_too_long_is_not_read_and_other_files_are_not_requests() {
    let (dir, inbox) = inbox();
    let file = File::create(dir.path().join("1.json")).unwrap();
    file.set_len(BYTES_MAX + 1).unwrap();
    fs::write(dir.path().join("2.tmp77"), b"{}").unwrap();
    fs::create_dir(dir.path().join("3.json")).unwrap();
    let waiting = inbox.waiting().unwrap();
    assert_eq!(waiting.len(), 2);
    assert!(waiting[0].1.clone().unwrap_err().contains("it has more than"));
    assert!(waiting[1].1.is_err());
}

#[test]
fn what_can_not_be_settled_is_heard_once_and_keeps_nobody_from_being_heard() {
    let (dir, mut inbox) = inbox();
    // The first can't be answered, since a folder is in the place of the answer; the second is one itself,
    // and something is in the place where it would go.
    fs::create_dir(dir.path().join("1.answer")).unwrap();
    fs::write(dir.path().join("1.json"), "{\"again\":{\"step\":\"S1\"}}").unwrap();
    fs::create_dir(dir.path().join("2.json")).unwrap();
    fs::write(dir.path().join("2.settled"), "").unwrap();
    for name in ["1", "2"] {
        let name = RequestName(name.to_owned());
        inbox.settle(&name, &Answer::Taken).unwrap_err();
        assert!(!inbox.waiting().unwrap().iter().any(|(waiting, _)| *waiting == name));
    }
    assert!(!dir.path().join("1.json").exists());
    assert!(dir.path().join("2.answer").is_file());
    // One that is no file is moved away too.
    fs::create_dir(dir.path().join("3.json")).unwrap();
    inbox.settle(&RequestName("3".to_owned()), &Answer::Refused("no".into())).unwrap();
    assert!(dir.path().join("3.settled").is_dir());
    let name = inbox.put(&again("S1")).unwrap();
    let waiting: Vec<_> = inbox.waiting().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(waiting, [name]);
}

#[test]
fn a_pipe_in_it_keeps_nobody_waiting() {
    let (dir, mut inbox) = inbox();
    let pipe = dir.path().join("5.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let asked = inbox.put(&again("S1")).unwrap();
    let waiting = inbox.waiting().unwrap();
    let of = |name: &str| waiting.iter().find(|(found, _)| found.as_str() == name).unwrap();
    assert_eq!(of("5").1, Err("it is no file".to_owned()));
    assert_eq!(of(asked.as_str()).1, Ok(again("S1")));
    let (name, _) = of("5").clone();
    inbox.settle(&name, &Answer::Refused("it is no file".into())).unwrap();
    assert!(!pipe.exists());
}

/// A disk without room, until the reserve has given up so many parts.
fn full_until(dir: &TempDir, parts: u64) -> impl Fn() -> io::Result<()> {
    let reserve = dir.path().join("reserve");
    let before = fs::metadata(&reserve).map_or(0, |it| it.len());
    move || {
        let left = fs::metadata(&reserve).map_or(0, |it| it.len());
        let is_room = before - left >= parts * (32 << 10);
        if is_room { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }
}

#[test]
fn on_a_full_disk_there_is_room_for_what_people_say() {
    let (dir, inbox) = inbox();
    inbox.keep_room().unwrap();
    let kept = fs::metadata(dir.path().join("reserve")).unwrap();
    assert_eq!(kept.len(), 512 << 10);
    reserve::with(dir.path(), full_until(&dir, 3)).unwrap();
    assert_eq!(fs::metadata(dir.path().join("reserve")).unwrap().len(), 416 << 10);
    let error = reserve::with(dir.path(), full_until(&dir, 100)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull, "all of it is given up");
    assert_eq!(fs::metadata(dir.path().join("reserve")).unwrap().len(), 0);
    inbox.keep_room().unwrap();
    assert_eq!(fs::metadata(dir.path().join("reserve")).unwrap().len(), 512 << 10);
    assert_eq!(inbox.waiting().unwrap(), [], "the room is no request");
}

#[test]
fn an_inbox_without_a_reserve_says_that_the_disk_is_full() {
    let (dir, _inbox) = inbox();
    let error = reserve::with(dir.path(), full_until(&dir, 1)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn an_answer_that_is_a_pipe_keeps_nobody_waiting() {
    let (dir, inbox) = inbox();
    let pipe = dir.path().join("1-1.answer");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = inbox.answer(&RequestName("1-1".into())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
