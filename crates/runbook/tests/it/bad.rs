//! Bad runbooks: each fault is named with its line.

use runbook::{Kind, Options, UndoBy, lint, plan};

/// A sound runbook; tests break one line of it.
pub(super) const SOUND: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
  window: 90m
roles:
  operator: Ana Ruiz
  lead: Bo Lind
---
# Title

## Gates <!-- run: section gates -->

| Gate ID | Check | Command / Evidence | Pass condition | Owner |
|---|---|---|---|---|
| G1 | Preflight | `bash preflight.sh` | Exit code 0 | `<operator>` <!-- run: command class=observe --> |
| G2 | Tests | `bun test` | Exit code 0 | `<lead>` <!-- run: command class=observe --> |

## Timeline <!-- run: section timeline -->

| Time | Owner | Required actions | Evidence output |
|---|---|---|---|
| T-10 | lead | Decide. | Record <!-- run: decision --> |
| T0 | operator | Set `MODE=new`. | Log <!-- run: flag id=S1 after=T-10 --> |
| T+10 | operator | Look at `/health`. | Log <!-- run: http-expect id=S2 --> |

## Back <!-- run: section rollback -->

1. Set `MODE=old`. <!-- run: flag id=R1 -->
";

pub(super) fn faults(text: &str) -> Vec<String> {
    let problems = lint(text, &Options::default());
    problems.iter().filter(|problem| problem.is_fault()).map(ToString::to_string).collect()
}

/// Breaks the sound one and expects that fault among others, and that there is no plan.
pub(super) fn check(from: &str, to: &str, expected: &str) {
    assert_eq!(SOUND.matches(from).count(), 1, "{from}");
    let broken = SOUND.replace(from, to);
    let found = faults(&broken);
    assert!(found.iter().any(|fault| fault == expected), "{expected}\n{found:#?}");
    assert!(plan(&broken, &Options::default()).plan.is_none());
}

#[test]
fn the_sound_one_is_sound() {
    assert_eq!(lint(SOUND, &Options::default()), []);
    assert!(plan(SOUND, &Options::default()).plan.is_some());
}

#[test]
fn owners_that_are_missing_or_unknown() {
    check("Exit code 0 | `<lead>`", "Exit code 0 | ", "line 18: gate G2 has no owner");
    check(
        "| T+10 | operator",
        "| T+10 | nobody",
        "line 26: S2 is owned by `nobody`, which is none of the roles",
    );
}

#[test]
fn names_that_are_not_there_twice_there_or_lead_in_a_circle() {
    check(
        "after=T-10",
        "after=S9",
        "line 25: S1 names the step S9 under `after`, which is not there",
    );
    check("id=R1", "id=R1 undo=S1", "line 30: R1 is undone by S1, which is no step of a way back");
    check("| G2 |", "| G1 |", "line 18: the id G1 stands on line 17 already");
    check(
        "run: decision",
        "run: decision after=S1",
        "line 25: steps refer to each other in a circle: S1 → T-10 → S1",
    );
    check(
        "http-expect id=S2",
        "repeat id=S2 of=S2",
        "line 26: steps refer to each other in a circle: S2 → S2",
    );
    check(
        "http-expect id=S2",
        "guard id=S2 guards=none",
        "line 26: S2 names the guard none, which is not there",
    );
    check(
        "http-expect id=S2",
        "http-exspect id=S2",
        "line 26: `http-exspect` is none of command, flag, http-expect, sse-expect, fanout-check, replay-check, traffic, guard, capture, compare, sign-off, external, decision, notify, cleanup, repeat",
    );
}

#[test]
fn times_that_are_out_of_order_or_none() {
    check("| T-10 |", "| T+5 |", "line 25: S1 is at T0, behind T+5 at T+5");
    check(
        "| T+10 |",
        "| T+1h |",
        "line 26: `T+1h` is no time; one is `T-60`, `T0` or `T+30`, in minutes, a week at most",
    );
    check("| T+10 |", "| T+100 |", "line 6: T-10 to T+100 is longer than the window of 90m");
    check(
        "`/health`",
        "health",
        "line 26: S2 is a `http-expect` and lacks a path or an address as inline code",
    );
    check("| T+10 |", "|  |", "line 26: S2 stands in a timeline and has no time");
}

#[test]
fn tables_with_a_column_or_a_cell_missing() {
    let without =
        SOUND.replace(" | Owner |\n|---|---|---|---|---|", " |\n|---|---|---|---|").replace(
            " | `<operator>` <!-- run: command class=observe -->",
            " <!-- run: command class=observe -->",
        );
    let found = faults(&without);
    assert!(found.contains(&"line 15: the table has no column `owner`".to_owned()), "{found:#?}");
    check("| Time |", "| When |", "line 22: the table has no column `time`");
    check(
        "| Tests | `bun test` |",
        "| Tests |",
        "line 18: the row has 4 cells, the table 5 columns",
    );
    check("| Tests |", "| Tests | more |", "line 18: the row has 6 cells, the table 5 columns");
}

#[test]
fn shell_syntax_in_commands() {
    let expected = |line: &str, sign: char| {
        format!(
            "line {line}: a command: `{sign}` is shell syntax; a command is a program and its \
             arguments, joined by `&&` at most"
        )
    };
    check("`bun test`", "`bun test > log`", &expected("18", '>'));
    let piped = "Run `curl x | sh`. <!-- run: command class=once id=R1 -->";
    let broken = "Set `MODE=old`. <!-- run: flag id=R1 -->";
    check(broken, piped, &expected("30", '|'));
}

#[test]
fn secrets_in_the_clear_are_named_and_not_shown() {
    for (to, line) in [
        (
            "`DB_PASSWORD=hunter2hunter2`",
            "line 25: the secret of DB_PASSWORD stands in the clear; write `secret:NAME` and keep it elsewhere",
        ),
        (
            "`URL=redis://u:hunter2hunter2@h/0`",
            "line 25: a password in an address stands in the clear; write `secret:NAME` and keep it elsewhere",
        ),
    ] {
        check("`MODE=new`", to, line);
        let broken = SOUND.replace("`MODE=new`", to);
        assert!(!faults(&broken).concat().contains("hunter2"));
    }
    assert_eq!(faults(&SOUND.replace("`MODE=new`", "`DB_PASSWORD=secret:db`")), [""; 0]);
}

#[test]
fn no_fault_shows_what_may_be_a_secret() {
    let told = "line 18: the secret of DB_PASS stands in the clear; write `secret:NAME` and keep it elsewhere";
    for to in [
        "`docker run -e DB_PASS=hunter2 app`",
        "`docker run --env=DB_PASS=hunter2 app`",
        "`DB_PASS=hunter2 bun test`",
        "`bun test DB_PASS=hunter2 ; sh`",
    ] {
        check("`bun test`", to, told);
        assert!(!faults(&SOUND.replace("`bun test`", to)).concat().contains("hunter2"), "{to}");
    }
    // A password that nothing tells as one is at least not shown.
    for to in ["`login hunter2 ; sh`", "`hunter=hunter2 x y`", "`x 'hunter2`"] {
        let found = faults(&SOUND.replace("`bun test`", to)).concat();
        assert!(found.contains("line 18: a command: ") && !found.contains("hunter2"), "{found}");
    }
    // A value of the front matter comes into the command, which is looked at as it is filled in.
    let filled = SOUND
        .replace("`bun test`", "`bun test -e DB_PASS=<word>`")
        .replace("  lead: Bo Lind\n", "  lead: Bo Lind\nvalues:\n  word: hunter2\n");
    let told = "line 20: the secret of DB_PASS stands in the clear; write `secret:NAME` and keep it elsewhere";
    assert_eq!(faults(&filled), [told]);
    for (fence, told) in [
        ("flags = [\"hunter2\"]", "line 30: a setting that undoes R1 is not `NAME=value`"),
        (
            "flags = [\"DB_PASS=hunter2\"]",
            "line 30: the secret of DB_PASS stands in the clear; write `secret:NAME` and keep it elsewhere",
        ),
        (
            "commands = [[\"x\", \"--db-pass=hunter2\"]]",
            "line 30: the secret of db-pass stands in the clear; write `secret:NAME` and keep it elsewhere",
        ),
        ("flags = \"hunter2\"", "line 34: invalid type: string \"…\", expected a sequence"),
    ] {
        let text = format!("{SOUND}\n   ```toml undo\n   what = \"it\"\n   {fence}\n   ```\n");
        let found = faults(&text);
        assert!(found.iter().any(|fault| fault == told), "{told}\n{found:#?}");
        assert!(!found.concat().contains("hunter2"), "{found:?}");
    }
}

#[test]
fn what_was_inferred_or_is_not_marked() {
    check(
        "<!-- run: decision -->",
        "<!-- run? decision -->",
        "line 24: `<!-- run? decision -->` was inferred; make it `run:` once it is right",
    );
    check(
        " <!-- run: decision -->",
        "",
        "line 24: nothing says what this is to a run; mark it, as `note` if it is nothing",
    );
    check(
        "## Gates <!-- run: section gates -->",
        "## Gates",
        "line 17: the step stands in no section that is marked",
    );
    check(
        "# Title",
        "Prose <!-- run: flag id=A -->",
        "line 11: the mark marks nothing: it stands behind a heading, an item's text or in a row",
    );
    check(
        "id=R1 -->",
        "idd=R1 -->",
        "line 30: `idd` is none of id, at, owner, class, codes, sets, under, of, with, guards, certificate, after, undo, way, environment, within",
    );
    check(
        "<!-- run: flag id=R1 -->",
        "<!-- run flag id=R1 -->",
        "line 30: nothing says what this is to a run; mark it, as `note` if it is nothing",
    );
}

#[test]
fn an_environment_stands_on_a_section() {
    check(
        "id=R1",
        "id=R1 environment=staging",
        "line 30: a step has no `environment`; it stands on a section",
    );
}

#[test]
fn an_environment_that_no_section_is_for() {
    let text = SOUND
        .replace("  window: 90m", "  window: 90m\n  environment: production")
        .replace("section gates -->", "section gates environment=production -->");
    assert_eq!(faults(&text), [""; 0]);
    let told = ["line 14: no section is for `prod`; sections are for production"];
    assert_eq!(faults(&text.replace("environment: production", "environment: prod")), told);
    let options = Options { mode: None, environment: Some("prod".into()) };
    assert!(plan(&text, &options).plan.is_none());
    let both = text.replace("section rollback -->", "section rollback environment=eu -->");
    let told = "line 14: no section is for `prod`; sections are for eu, production".to_owned();
    let found = faults(&both.replace("environment: production", "environment: prod"));
    assert!(found.contains(&told), "{found:?}");
}

#[test]
fn front_matter_that_says_what_it_can_not() {
    check(
        "  mode: rehearsal",
        "  mode: prod",
        "line 4: `mode`: `prod` is none of readiness, rehearsal, production",
    );
    check(
        "  mode: rehearsal",
        "  modus: rehearsal",
        "line 4: `modus` is no setting of `runbook`; those are version, mode, environment, owner, window, rto, alpha",
    );
    check("  window: 90m", "  alpha: 2", "line 6: `alpha`: alpha is 2, it lies between 0 and 0.5");
    check("  version: 1\n", "", "line 2: `version: 1` has to stand in `runbook`");
    check(
        "  lead: Bo Lind",
        "  lead: [Bo, Al]",
        "line 9: the value of `lead` is no plain text on one line",
    );
    check("  lead: Bo Lind", "  operator: Bo", "line 9: `operator` stands twice in `roles`");
    check(
        "  lead: Bo Lind",
        "  lead: Bo a+b",
        "line 9: the key of Bo: a key is NAME+ID+BASE64, a private one with PRIVATE+KEY+ before it",
    );
    assert!(faults("# T\n").iter().any(|f| f.starts_with("line 1: there is no front matter")));
    assert!(faults("---\nrunbook:\n").iter().any(|f| f.contains("is not closed")));
}

#[test]
fn values_take_the_places_of_placeholders_within_one_argument() {
    let text = SOUND
        .replace("  lead: Bo Lind\n", "  lead: Bo Lind\nvalues:\n  host: a b; rm <x\n")
        .replace("`bun test`", "`curl http://<host>/health <other>`");
    let plan = plan(&text, &Options::default()).plan.unwrap();
    let words = ["curl", "http://a b; rm <x/health", "<other>"];
    assert_eq!(plan.gates[1].content.commands, [words]);
    let rules: Vec<_> = lint(&text, &Options::default()).iter().map(|it| it.rule).collect();
    assert_eq!(rules, ["placeholder"]);
    let told = "line 11: the value of `host` has 256 bytes at most and no placeholder";
    for value in ["<host><host>", &"x".repeat(257)] {
        check("  lead: Bo Lind", &format!("  lead: Bo Lind\nvalues:\n  host: {value}"), told);
    }
}

#[test]
fn what_a_kind_does_not_do_is_not_hidden_in_it() {
    for kind in Kind::ALL {
        let to = format!("Do `bash drop.sh`. | Log <!-- run: {kind} id=S2 codes=1 -->");
        let text = SOUND.replace("Look at `/health`. | Log <!-- run: http-expect id=S2 -->", &to);
        let told = format!("line 26: S2 is a `{kind}`, which holds no commands");
        let may = matches!(kind, Kind::Command | Kind::Cleanup | Kind::Notify);
        assert_eq!(faults(&text).contains(&told), !may, "{told}\n{:#?}", faults(&text));
    }
    check(
        "Look at `/health`.",
        "Look at `/health` with `MODE=new`.",
        "line 26: S2 is a `http-expect`, which holds no settings",
    );
    check(
        "`bun test`",
        "`bun test` `MODE=new`",
        "line 18: G2 is a `command`, which holds no settings",
    );
}

#[test]
fn what_undoes_a_step_is_filled_in_as_well() {
    let fence = "\n   ```toml undo\n   what = \"it\"\n   commands = [[\"ssh\", \"<host>\"]]\n   \
        flags = [\"URL=http://<host>\"]\n   ```\n";
    let step = "1. Set `A=1`. <!-- run: flag id=S3 -->\n";
    let section = format!("## More <!-- run: section steps -->\n\n{step}{fence}\n## Back");
    let text = SOUND.replace("## Back", &section);
    let problems = lint(&text, &Options::default());
    let told = "line 30: S3 has the placeholder <host>; give it a value under `values` (warning)";
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    let production = Options { mode: Some(runbook::Mode::Production), environment: None };
    assert!(lint(&text, &production).iter().any(|it| it.rule == "placeholder" && it.is_fault()));
    let filled = text.replace("  lead: Bo Lind\n", "  lead: Bo Lind\nvalues:\n  host: a b\n");
    let plan = plan(&filled, &Options::default()).plan.unwrap();
    let UndoBy::Own(undo) = &plan.steps[3].undo else { panic!("{:?}", plan.steps[3]) };
    assert_eq!(
        (&undo.commands, &undo.flags),
        (&vec![vec!["ssh".into(), "a b".into()]], &vec!["URL=http://a b".into()])
    );
}

#[test]
fn what_is_changed_has_a_way_back() {
    let cut = SOUND.find("\n## Back").unwrap();
    assert_eq!(faults(&SOUND[..cut]), ["line 25: S1 changes something, and nothing takes it back"]);
    check(
        "command class=observe --> |\n| G2",
        "command class=once --> |\n| G2",
        "line 17: G1 is a gate and changes something",
    );
    check(
        "`bash preflight.sh` | Exit code 0 | `<operator>` <!-- run: command class=observe",
        "`bash preflight.sh` | Exit code 0 | `<operator>` <!-- run: command",
        "line 17: G1 is a `command` and has no `class`: observe, converge, once or irreversible",
    );
}

#[test]
fn a_repeat_is_of_the_class_of_what_it_repeats() {
    check(
        "`bun test` | Exit code 0 | `<lead>` <!-- run: command class=observe -->",
        "Again | Exit code 0 | `<lead>` <!-- run: repeat of=S1 -->",
        "line 18: G2 is a gate and changes something",
    );
    let told = "line 26: S2 repeats S1, which is `once` and must not be done twice";
    let again = SOUND.replace("http-expect id=S2", "repeat id=S2 of=S1");
    assert_eq!(faults(&again), [""; 0]);
    assert!(faults(&again.replace("flag id=S1", "flag id=S1 class=once")).contains(&told.into()));
    // Where there is no way back, and only what is repeated changes something.
    let cut = again.find("\n## Back").unwrap();
    let undone = again[..cut].replace("flag id=S1", "flag id=S1 undo=R1");
    let naked = "line 26: S2 changes something, and nothing takes it back".to_owned();
    assert!(faults(&undone).contains(&naked), "{:?}", faults(&undone));
}

#[test]
fn what_can_not_be_undone_is_where_everybody_sees_it() {
    for (section, row) in [("triggers", "X1"), ("checklist", "C1"), ("criteria", "E1")] {
        let more = format!(
            "## Back <!-- run: section rollback -->\n\n1. Set `MODE=old`. <!-- run: flag id=R1 -->\n\n\
             ## More <!-- run: section {section} -->\n\n\
             - Drop it. <!-- run: external class=irreversible id={row} -->\n"
        );
        let text = SOUND[..SOUND.find("## Back").unwrap()].to_owned() + &more;
        let told = format!(
            "line 34: {row} is `irreversible` and stands under `{section}`; such a step stands under \
             `steps` or `timeline`"
        );
        assert_eq!(faults(&text), [told]);
    }
    let back = SOUND.replace("flag id=R1", "flag class=irreversible id=R1");
    let plan = plan(&back, &Options::default()).plan.unwrap();
    assert_eq!(plan.point_of_no_return.as_deref(), Some("R1"));
}

#[test]
fn the_way_back_takes_its_time() {
    check("id=R1", "id=R1 within=0s", "line 30: R1 takes its time: `within` is more than 0s");
    check("  window: 90m", "  window: 0s", "line 6: `window` is more than 0s");
    check("  window: 90m", "  rto: 0s", "line 6: `rto` is more than 0s");
    // What undoes a step in a fence takes its time as well.
    let fence = "1. Set `A=1`. <!-- run: flag id=S3 -->\n\n   ```toml undo\n   what = \"it\"\n   \
        flags = [\"A=0\"]\n   ```\n";
    let cut = SOUND.find("## Timeline").unwrap();
    let text = format!("{}## More <!-- run: section steps -->\n\n{fence}", &SOUND[..cut]);
    assert_eq!(faults(&text), [""; 0]);
    let promising = |text: &str, rto: &str| text.replace("  window: 90m", &format!("  rto: {rto}"));
    assert_eq!(faults(&promising(&text, "2m")), [""; 0]);
    let late = lint(&promising(&text, "1m"), &Options::default());
    let told = "the way back may take 2m, the runbook promises 1m";
    assert!(late.iter().any(|problem| problem.text == told), "{late:#?}");
    let told = "line 6: the runbook promises a way back within 15m, and no section is `rollback`";
    assert_eq!(faults(&promising(&SOUND[..cut], "15m")), [told]);
}

#[test]
fn fences_that_were_meant_for_a_run_are_not_lost() {
    let guard = "id = \"g\"\nmeasure = \"zero\"\nsource = \"s\"\nwhat = \"loss\"\n";
    let with = |info: &str| format!("{SOUND}\n```{info}\n{guard}```\n");
    for info in ["toml guard", " toml  guard "] {
        assert_eq!(plan(&with(info), &Options::default()).plan.unwrap().guards.len(), 1);
    }
    for info in ["toml guards", "toml  guard x", "Toml guard", "toml, guard", "guard", "toml", ""] {
        let told = format!("line 32: the fence `{info}` is not read; write `toml guard`");
        assert_eq!(faults(&with(info)), [told]);
    }
    assert_eq!(faults(&format!("{SOUND}\n```text\n{guard}```\n")), [""; 0]);
}

#[test]
fn a_block_of_the_front_matter_stands_once() {
    check(
        "  lead: Bo Lind",
        "  lead: Bo Lind\nroles:\n  other: Al",
        "line 10: there is a second block `roles`",
    );
}

#[test]
fn a_share_may_have_its_sign() {
    let made = |alpha: &str| plan(&SOUND.replace("window: 90m", alpha), &Options::default()).plan;
    let (one, other) = (made("alpha: 1%").unwrap().alpha, made("alpha: 0.01").unwrap().alpha);
    assert_eq!(one.to_bits(), other.to_bits());
    check(
        "  window: 90m",
        "  alpha: one",
        "line 6: `alpha`: `one` is no number, as `0.01` or `1%` is",
    );
}

#[test]
fn certificates_are_asked_for_by_gates_that_a_person_signs() {
    let signed = "`<lead>` <!-- run: sign-off certificate=rollback-rehearsal -->";
    let row = "`<lead>` <!-- run: command class=observe -->";
    let sound = SOUND.replace(row, signed).replace("`bun test`", "rehearsed");
    let plan = plan(&sound, &Options::default()).plan.unwrap();
    assert_eq!(plan.gates[1].certificate.as_deref(), Some("rollback-rehearsal"));
    let shown = plan.to_string();
    assert!(shown.contains("asks for the certificate rollback-rehearsal"), "{shown}");
    check(
        "class=observe --> |\n| G2",
        "class=observe certificate=x --> |\n| G2",
        "line 17: G1 asks for a certificate; a gate of the kind `sign-off` does, and no other step",
    );
    check(
        "run: decision",
        "run: decision certificate=x",
        "line 24: T-10 asks for a certificate; a gate of the kind `sign-off` does, and no other step",
    );
    let odd = sound.replace("certificate=rollback-rehearsal", "certificate=A_b");
    assert!(faults(&odd)[0].starts_with("line 18: `A_b` names no certificate"), "{odd}");
}
