//! What a certificate does for, and until when.

use super::*;

fn rehearsed() -> Rehearsed {
    Rehearsed {
        binary: Hash::of(b"binary"),
        migrations: Some(Hash::of(b"migrations")),
        router_configuration: Hash::of(b"router"),
        runbook: Hash::of(b"runbook"),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn certificate(result: Outcome) -> Certificate {
    let made = at("2026-01-01T00:00:00Z");
    Certificate::new(rehearsed(), result, made, SignedDuration::from_hours(24))
}

#[test]
fn it_is_read_back_from_a_statement() {
    let certificate = certificate(Outcome::Passed);
    let statement = certificate.statement("log").unwrap();
    let Predicate::Rehearsal(read) = Predicate::of(&statement).unwrap() else { panic!("another") };
    assert_eq!(Certificate::read(&read), Ok(certificate));
    assert_eq!(read.expires, "2026-01-02T00:00:00Z");
    assert_eq!(statement.subject[0].sha256(), Some(Hash::of(b"binary")));
}

#[test]
fn it_does_until_it_expires() {
    let passed = certificate(Outcome::Passed);
    let check = |now: &str| passed.check(at(now), &rehearsed());
    assert_eq!(check("2026-01-01T00:00:00Z"), Ok(()));
    assert_eq!(check("2026-01-01T23:59:59Z"), Ok(()));
    let expired = CertificateError::Expired { expired: at("2026-01-02T00:00:00Z") };
    assert_eq!(check("2026-01-02T00:00:00Z"), Err(expired));
    assert!(matches!(check("2025-12-31T23:59:59Z"), Err(CertificateError::FromTheFuture { .. })));
}

#[test]
fn only_what_passed_does() {
    for result in [Outcome::Warned, Outcome::Failed] {
        let checked = certificate(result).check(at("2026-01-01T01:00:00Z"), &rehearsed());
        assert_eq!(checked, Err(CertificateError::NotPassed));
    }
}

#[test]
fn faults_on_purpose_vouch_for_no_release() {
    let faults = vec!["the candidate was told to fail: errors=20%".to_owned()];
    let warned = certificate(Outcome::Passed).not_for_production(faults.clone());
    assert_eq!(warned.result, Outcome::Warned);
    let checked = warned.check(at("2026-01-01T01:00:00Z"), &rehearsed());
    assert_eq!(checked, Err(CertificateError::NotForProduction(faults.join("; "))));
    let read = Certificate::read(&warned.to_predicate("log"));
    assert_eq!(read, Ok(warned));
    let failed = certificate(Outcome::Failed).not_for_production(faults);
    let checked = failed.check(at("2026-01-01T01:00:00Z"), &rehearsed());
    assert_eq!(checked, Err(CertificateError::NotPassed));
    assert_eq!(certificate(Outcome::Passed).not_for_production(Vec::new()).result, Outcome::Passed);
}

#[test]
fn it_is_for_what_was_rehearsed_and_nothing_else() {
    let other = Hash::of(b"other");
    type Change = fn(&mut Rehearsed, Hash);
    let changes: [(&str, Change); 5] = [
        (BINARY, |it, other| it.binary = other),
        (MIGRATIONS, |it, other| it.migrations = Some(other)),
        (MIGRATIONS, |it, _| it.migrations = None),
        (ROUTER, |it, other| it.router_configuration = other),
        (RUNBOOK, |it, other| it.runbook = other),
    ];
    for (name, change) in changes {
        let mut release = rehearsed();
        change(&mut release, other);
        let checked = certificate(Outcome::Passed).check(at("2026-01-01T01:00:00Z"), &release);
        match checked {
            Err(CertificateError::Another { what, .. }) => assert_eq!(what, name),
            checked => panic!("{name}: {checked:?}"),
        }
    }
}

#[test]
fn what_lacks_something_is_none() {
    let whole = certificate(Outcome::Passed).to_predicate("log");
    let is_none = |change: &dyn Fn(&mut Rehearsal)| {
        let mut rehearsal = whole.clone();
        change(&mut rehearsal);
        matches!(Certificate::read(&rehearsal), Err(CertificateError::Content(_)))
    };
    assert!(!is_none(&|_| {}));
    assert!(is_none(&|it| it.detail.clear()));
    assert!(is_none(&|it| it.expires = "soon".into()));
    assert!(is_none(&|it| it.configuration.retain(|it| it.name.as_deref() != Some(ROUTER))));
    assert!(is_none(&|it| it.configuration.push(Resource::of_sha256(BINARY, Hash::of(b"x")))));
    assert!(is_none(&|it| it.configuration[0].digest.clear()));
}
