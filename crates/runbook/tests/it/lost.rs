//! Nothing that was meant for a run is lost in silence: each form of it has a problem with its line.

use runbook::{Options, lint, plan};

const FRONT: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: op
roles:
  op: Ana
---
# T

## Steps <!-- run: section steps -->

1. Run the canary. <!-- run: traffic id=C -->

   ```toml traffic
   weight_percent = 10
   hold = \"30m\"
   requests_per_second = 20
   ```

";

const BACK: &str = "
## Rollback <!-- run: section rollback -->

1. back <!-- run: external id=R1 class=converge -->
";

const GUARD: &str = "```toml guard
id = \"errors\"
measure = \"errors\"
source = \"x\"
watch = \"C\"
stable_rate = \"0.5%\"
ratio = 4.0
```
";

fn told(middle: &str) -> Vec<String> {
    let text = format!("{FRONT}{middle}{BACK}");
    lint(&text, &Options::default()).iter().map(ToString::to_string).collect()
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// Expects one problem, from line 21 on, and no other.
fn check(middle: &str, expected: &str) {
    assert_eq!(told(middle), [expected], "{middle}");
}

#[test]
fn the_sound_one_is_sound() {
    assert_eq!(told(GUARD), [""; 0]);
    assert_eq!(told(&indented(GUARD, "   ")), [""; 0]);
    assert_eq!(told(&format!("<details>\n\n{GUARD}\n</details>\n")), [""; 0]);
    let guards = plan(&format!("{FRONT}{GUARD}{BACK}"), &Options::default()).plan.unwrap().guards;
    assert_eq!(guards.len(), 1);
}

#[test]
fn guards_that_are_indented_too_far() {
    let told = "line 21: a guard or traffic is indented so far that it is code, which is not read";
    let fence = told.replace("a guard or traffic", "a fence");
    check(&indented(GUARD, "        "), &fence);
    check(&indented(GUARD, "\t\t"), &fence);
    let below = format!("## Watch\n\n{}", indented(GUARD, "    "));
    check(&below, &fence.replace("21", "23"));
    let keys: String =
        GUARD.lines().filter(|line| !line.starts_with("```")).collect::<Vec<_>>().join("\n");
    check(&indented(&keys, "        "), told);
}

#[test]
fn guards_in_html_and_in_comments() {
    let told = "line 21: the block of HTML has a fence, which is not read";
    check(&format!("<details>\n{GUARD}</details>\n"), told);
    let told = "line 21: the comment has a fence, which is not read (warning)";
    check(&format!("<!--\n{GUARD}-->\n"), told);
    let told = "line 21: the comment has a mark, which is not read";
    check("<!-- no\n<!-- run: flag id=A -->\n", told);
    let told = "line 21: a mark begins here and does not end";
    let found = self::told("2. a <!-- no <!-- run: sign-off id=A -->\n");
    assert!(found.contains(&told.to_owned()), "{found:?}");
}

#[test]
fn guards_behind_what_is_not_closed() {
    let not_closed = |what: &str, line: usize| {
        format!("line {line}: the {what} is not closed, nothing behind it is read")
    };
    let all = |middle: &str| told(&format!("{middle}\n{GUARD}"));
    assert!(all("   ```\n   notes\n").contains(&not_closed("fence", 21)), "{:?}", all("   ```\n"));
    for (middle, what) in [
        ("```sh\nmake\n", "fence"),
        ("~~~text\n", "fence"),
        ("<!-- why\n", "comment"),
        ("<script>\n", "block of HTML"),
        ("<?php\n", "block of HTML"),
    ] {
        let text = format!("{FRONT}{middle}\n## Back\n\n1. back\n");
        let problems: Vec<_> =
            lint(&text, &Options::default()).iter().map(ToString::to_string).collect();
        assert!(problems.contains(&not_closed(what, 21)), "{middle}: {problems:?}");
    }
    let told = "line 21: another fence begins in the fence, which is not closed before it";
    check(&format!("```sh\nmake\n\n{GUARD}"), told);
    // With gates behind it, the steps before it alone would make a plan.
    let text = format!("{FRONT}{BACK}\n```\nnotes\n\n## Gates <!-- run: section gates -->\n");
    assert!(plan(&text, &Options::default()).plan.is_none());
}

#[test]
fn guards_in_other_fences() {
    for info in ["json", "text", "ini"] {
        let text = GUARD.replace("toml guard", info);
        check(&text, "line 21: the fence has a guard or traffic, which is not read (warning)");
    }
    let told = "line 21: the fence has a fence, which is not read (warning)";
    check(&format!("````text\n{GUARD}````\n"), told);
    check(
        "```text\n<!-- run: flag id=A -->\n```\n",
        "line 21: the fence has a mark, which is not read (warning)",
    );
    let told = "line 21: a guard or traffic stands in a text, which is not read: it needs a fence";
    for ticks in ["``", "`"] {
        let text = GUARD.replace("```", ticks);
        let found = self::told(&text);
        assert!(found.contains(&told.to_owned()), "{found:?}");
    }
    let lazy = format!("> Text\n{}", indented(GUARD, "      "));
    assert!(self::told(&lazy).contains(&told.to_owned()), "{:?}", self::told(&lazy));
}

#[test]
fn steps_that_are_none() {
    let mark = "<!-- run: external id=S1 class=converge -->";
    check(
        &format!("Text.\n\n    1. a {mark}\n"),
        "line 23: a mark is indented so far that it is code, which is not read",
    );
    check("1)Deploy it.\n", "line 21: a line looks like an item, and is none (warning)");
    check("Then\n2. deploy it.\n", "line 21: a line looks like an item, and is none (warning)");
    check(
        "Run `make deploy`.\n",
        "line 21: the code of the paragraph stands in no step, and means nothing to a run (warning)",
    );
    check(
        "```bash\nmake\n```\n",
        "line 21: the block of code stands in no step, and means nothing to a run (warning)",
    );
    check(
        "Hm.\n\n    make\n",
        "line 23: the code by indentation stands in no step, and means nothing to a run (warning)",
    );
    check("<div>\n1. Deploy.\n</div>\n", "line 21: nothing in the block of HTML is read (warning)");
    check(
        "### 1. Deploy\n",
        "line 21: the heading looks like a step, and is none: steps are items and rows (warning)",
    );
    let cut = "2. Deploy. <!-- run: external id=S1 class=converge\n";
    let found = told(cut);
    let begins = "line 21: a mark begins here and does not end".to_owned();
    assert!(found.contains(&begins), "{found:?}");
    // Elsewhere it is prose.
    for prose in ["1)Deploy it.\n", "Run `make`.\n", "```bash\nmake\n```\n", "### 1. Deploy\n"] {
        assert_eq!(told(&format!("## Why\n\n{prose}")), [""; 0], "{prose}");
    }
    assert_eq!(told("How it goes:\n\n```json\n{}\n```\n\nAnd so on.\n"), [""; 0]);
}

#[test]
fn what_is_struck_out_is_not_carried_out() {
    for (code, why) in [
        ("~~`rm -rf /data`~~", "is struck out"),
        ("~~now **`rm -rf /data`**~~", "is struck out"),
        ("<del>`rm -rf /data`</del>", "is struck out"),
        ("~~</del>`rm -rf /data`~~", "is struck out"),
        ("<S class=x>`rm -rf /data`</s>", "is struck out"),
        ("![`rm -rf /data`](x.png)", "stands in the place of an image"),
    ] {
        let step = format!("2. Run {code} `make`. <!-- run: command id=S2 class=converge -->\n");
        let told = format!("line 21: code of S2 {why}; take it out of the step");
        check(&step, &told);
        // A person who signs reads it as it is.
        let note = step.replace("command id=S2 class=converge", "note");
        assert_eq!(self::told(&note), [""; 0]);
    }
    let step = "2. ~~Drop it.~~ Keep it. <!-- run: external id=S2 class=converge -->\n";
    let made = plan(&format!("{FRONT}{step}{BACK}"), &Options::default()).plan.unwrap();
    assert_eq!(made.steps[1].text, "~~Drop it.~~ Keep it.");
}

#[test]
fn blocks_of_code_under_what_is_carried_out() {
    let told = "line 23: a `command` carries no block of code out; write inline code";
    for block in [
        "   ```bash\n   ./migrate.sh --all\n   ```\n",
        "   ```\n   make\n   ```\n",
        "       make\n",
    ] {
        let step = format!("2. Run `make`. <!-- run: command id=S2 class=converge -->\n\n{block}");
        check(&step, told);
        let by_hand = step.replace("command id", "external id");
        assert_eq!(self::told(&by_hand), [""; 0]);
        let flag = step.replace("`make`", "`A=1`").replace("command id", "flag id");
        check(&flag, &format!("{} (warning)", told.replace("command", "flag")));
    }
    let output = "2. Run `make`. <!-- run: command id=S2 class=converge -->\n\n   ```text\n   done\n   ```\n";
    assert_eq!(self::told(output), [""; 0]);
}
