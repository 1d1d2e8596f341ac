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
    let (_dir, inbox) = inbox();
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
