//! Which installer meets a need.

use super::{Apt, Installers, NEEDS, Need, Plan, succeeds};

const COMPONENT: Need =
    Need { probe: "cargo fmt --version", component: Some("rustfmt"), package: "rustfmt" };
const PACKAGE: Need = Need { probe: "git --version", component: None, package: "git" };

fn check(need: Need, rustup: bool, apt: Option<Apt>, expected: &Plan) {
    assert_eq!(need.plan(Installers { rustup, apt }), *expected, "{need:?} {rustup} {apt:?}");
}

#[test]
fn rustup_comes_before_the_package_manager() {
    let apt = Some(Apt::AsRoot);
    check(COMPONENT, true, apt, &Plan::Component("rustfmt"));
    check(COMPONENT, false, apt, &Plan::Package(Apt::AsRoot, "rustfmt"));
    check(PACKAGE, true, apt, &Plan::Package(Apt::AsRoot, "git"));
}

#[test]
fn without_an_installer_a_person_must_act() {
    check(COMPONENT, false, None, &Plan::ByHand);
    check(PACKAGE, true, None, &Plan::ByHand);
    assert!(COMPONENT.advice().contains("rustup component add rustfmt"));
    assert_eq!(PACKAGE.advice(), "install the package `git`");
}

#[test]
fn sudo_is_named_in_the_plan() {
    let sudo = Some(Apt::ThroughSudo);
    check(PACKAGE, false, sudo, &Plan::Package(Apt::ThroughSudo, "git"));
}

#[test]
fn probes_tell_present_from_missing() {
    assert!(succeeds("true"));
    assert!(!succeeds("false"));
    assert!(!succeeds("no-such-program --version"));
    assert!(NEEDS.iter().all(|need| need.probe.contains(' ')));
}
