//! Entries: their golden bytes, and lines that are none.

use evidence::{Entry, EntryError, Kind};

use super::made::{Cast, closed};

#[test]
fn lines_are_as_ever() {
    let cast = Cast::new();
    let log = closed(&cast);
    let text = String::from_utf8(log.lines().to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00.000Z\",\"kind\":\"record\",\"name\":\"preflight\",\
         \"data\":{\"exit\":0},\"outputs\":[{\"name\":\"preflight.log\",\"sha256\":\
         \"77b64fa72d1b0088a02b20419f1c2595cb78b4d5c3c271aa681060b42077d633\",\"bytes\":40}]}"
    );
    assert_eq!(lines[5], "{\"n\":5,\"at\":\"2027-01-15T08:00:09.000Z\",\"kind\":\"close\"}");
    // Computed apart from this code, with another implementation of SHA-256, by the definition.
    assert_eq!(
        log.tree().root().to_string(),
        "acdacf4dda42340bd9a9f47df8c2e14cf775b6515e4d12d98e6eaa87a74a7006"
    );
}

#[test]
fn lines_that_are_no_entries_are_refused() {
    let good = "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"record\",\"name\":\"x\"}";
    assert_eq!(Entry::read(good.as_bytes()).unwrap().kind, Kind::Record);
    for bad in [
        "",
        "{}",
        "[]",
        "[0,\"2027-01-15T08:00:00Z\",\"close\"]",
        "[0,\"2027-01-15T08:00:00Z\",\"record\",\"begun\",{},null,null,[]]",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\",\"name\":null}",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\",\"role\":null}",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\",\"envelope\":null}",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\",\"outputs\":null}",
        "{\"n\":-1,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\"}",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"other\"}",
        "{\"n\":0,\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\"}",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\",\"more\":1}",
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"close\"} x",
    ] {
        assert!(matches!(Entry::read(bad.as_bytes()), Err(EntryError::Json(_))), "{bad}");
    }
    for bad in [
        good.replace("record", "close"),
        good.replace("record", "statement"),
        good.replace("\"name\":\"x\"", "\"role\":\"x\""),
        good.replace("\"name\":\"x\"", "\"name\":\"x\",\"role\":\"x\""),
    ] {
        assert!(matches!(Entry::read(bad.as_bytes()), Err(EntryError::Fields)), "{bad}");
    }
    for at in
        ["yesterday", "2027-13-15T08:00:00Z", "2027-01-15T08:00:00", "2027-01-15T08:00:00+01:00"]
    {
        let bad = good.replace("2027-01-15T08:00:00Z", at);
        assert!(matches!(Entry::read(bad.as_bytes()), Err(EntryError::Time(_))), "{bad}");
    }
    let long = good.replace("\"x\"", &format!("\"{}\"", "x".repeat(1 << 20)));
    assert_eq!(Entry::read(long.as_bytes()).unwrap_err(), EntryError::TooLong);
    assert!(matches!(Entry::read(b"\xff"), Err(EntryError::Json(_))));
}

#[test]
fn a_closed_log_takes_nothing_more() {
    let cast = Cast::new();
    let mut log = closed(&cast);
    let at = super::made::at(10);
    assert!(log.record(at, "late", &1, Vec::new()).is_err());
    assert!(log.close(at).is_err());
    assert_eq!(log.state().size, 6);
}

#[test]
fn a_time_is_one_of_rfc_3339_in_utc() {
    let read = |at: &str| {
        Entry::read(format!("{{\"n\":0,\"at\":\"{at}\",\"kind\":\"close\"}}").as_bytes())
    };
    for at in ["2026-11-22T01:00:00Z", "2026-11-22T01:00:00.1Z", "2026-11-22T01:00:00.123456789Z"] {
        assert!(read(at).is_ok(), "{at}");
    }
    for at in [
        "2026-11-22 01:00:00Z",
        "2026-11-22t01:00:00z",
        "20261122T010000Z",
        "2026-11-22T01:00Z",
        "2026-11-22T01:00:00",
        "2026-11-22T01:00:00.Z",
        "2026-11-22T01:00:00,5Z",
        "2026-11-22T01:00:00+00:00Z",
        "2026-11-22T01:00:00[UTC]Z",
        "2026-13-22T01:00:00Z",
        "2026-11-22T25:00:00Z",
        "+002026-11-22T01:00:00Z",
        "äääääääääääääääääääZ",
        "Z",
    ] {
        assert_eq!(read(at).unwrap_err(), EntryError::Time(at.to_owned()));
    }
}

#[test]
fn what_stands_in_a_line_are_objects() {
    let cast = Cast::new();
    let text = String::from_utf8(closed(&cast).lines().to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let digest = "77b64fa72d1b0088a02b20419f1c2595cb78b4d5c3c271aa681060b42077d633";
    let output = format!("{{\"name\":\"preflight.log\",\"sha256\":\"{digest}\",\"bytes\":40}}");
    let as_list = format!("[\"preflight.log\",\"{digest}\",40]");
    // A record may say anything, nothing too.
    let null = lines[0].replace("{\"exit\":0}", "null");
    assert_eq!(Entry::read(null.as_bytes()).unwrap().data.unwrap().get(), "null");
    let (start, rest) = lines[1].split_once("\"signatures\":[{\"keyid\":").unwrap();
    let (key, rest) = rest.split_once(",\"sig\":").unwrap();
    let (signature, rest) = rest.split_once('}').unwrap();
    for changed in [
        lines[0].replace(&output, &as_list),
        format!("{start}\"signatures\":[[{key},{signature}]{rest}"),
        "{\"n\":0,\"at\":\"2027-01-15T08:00:00Z\",\"kind\":\"statement\",\"role\":\"r\",\
         \"envelope\":[\"\",\"t\",[]]}"
            .to_owned(),
    ] {
        assert!(!lines.contains(&changed.as_str()));
        let error = Entry::read(changed.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("invalid type: sequence, expected an object"), "{error}: {changed}");
    }
}
