//! The code of steps: what is expected and set, and what nobody understands.

use runbook::{Options, plan};

use super::bad::SOUND;

/// Sets the code of a step of a kind, and returns the problems with it and what the step then holds.
fn coded(mark: &str, code: &str) -> (Vec<String>, Option<runbook::Content>) {
    let from = "Look at `/health`. | Log <!-- run: http-expect id=S2 -->";
    assert!(SOUND.contains(from));
    let text =
        SOUND.replace(from, &format!("Look at `/x`: {code}. | Log <!-- run: {mark} id=S2 -->"));
    let planned = plan(&text, &Options::default());
    let told = planned.problems.iter().map(ToString::to_string).collect();
    (told, planned.plan.map(|plan| plan.steps[2].content.clone()))
}

#[test]
fn code_that_is_not_understood_is_not_lost() {
    let told = "line 26: piece 2 of the code of S2 is not understood: a setting is `NAME=value`, an \
        assertion `path.to.field=value`, each without spaces, a bound `<= 5`";
    for code in [
        "`checks.realtime.status == healthy`",
        "`checks.realtime.status==healthy`",
        "`x = y`",
        "`a != b`",
        "`items[0].x=1`",
        "`status: healthy`",
        "`<= fast`",
        "`x ≤ 5%`",
        "`http://<your host>:3000/x`",
    ] {
        for kind in ["http-expect", "sse-expect", "fanout-check", "replay-check"] {
            let (mut found, content) = coded(kind, code);
            found.retain(|it| !it.contains("placeholder"));
            assert_eq!((found, content), (vec![told.to_owned()], None), "{kind} {code}");
        }
        let found = coded("sign-off", code).0;
        assert!(found.iter().all(|it| it.contains("placeholder")), "{code} {found:?}");
    }
    for code in ["`JAVA_OPTS=-Xmx1g -Xms1g`", "`B = 4`", "`export C=2`", "`D=<a b>`", "`E==4`"] {
        let found = coded("flag", &format!("`A=1`, {code}")).0;
        assert!(found.contains(&told.replace("piece 2", "piece 3")), "{code} {found:?}");
    }
    let image = format!("{} (warning)", told.replace("piece 2", "piece 3"));
    assert_eq!(coded("flag", "`A=1` of `app:2`").0, [image]);
    let named = "line 26: S2 has the placeholder <app>; give it a value under `values` (warning)";
    assert_eq!(coded("flag", "`A=1` of `<app>` and `Last-Event-ID`").0, [named]);
    let lower = "line 26: S2 is a `flag`, which holds no assertions";
    assert_eq!(coded("flag", "`A=1` and `lower=3`").0, [lower]);
}

#[test]
fn what_is_expected_is_a_field_a_value_or_a_bound() {
    let code = "`checks.redis-main.status=ok`, `checks.realtime`, `id`, `≤ 5%`";
    let (told, content) = coded("http-expect", code);
    assert_eq!(told, [""; 0]);
    let content = content.unwrap();
    assert_eq!(content.assertions[0].path, "checks.redis-main.status");
    assert_eq!(
        (content.fields.as_slice(), content.bounds.as_slice()),
        (&["checks.realtime".to_owned()][..], &["≤ 5%".to_owned()][..])
    );
    let content = coded("http-expect under=checks", code).1.unwrap();
    assert_eq!(content.assertions[0].path, "checks.checks.redis-main.status");
    assert_eq!(content.fields, ["checks.checks.realtime"]);
    let told = "line 26: `under` is the path of a field, in a step that expects some: S2 is a `http-expect`";
    assert_eq!(coded("http-expect under=a..=b", code).0, [told]);
    assert_eq!(coded("sign-off under=a", "").0, [told.replace("http-expect", "sign-off")]);
}

#[test]
fn settings_that_a_text_says_in_words_stand_in_the_mark() {
    let content = coded("flag sets=B=2,C=x=y", "`A=1`").1.unwrap();
    let flags: Vec<_> =
        content.flags.iter().map(|it| format!("{}={}", it.name, it.value)).collect();
    assert_eq!(flags, ["A=1", "B=2", "C=x=y"]);
    let told = "line 26: `sets` names settings, each `NAME=value`";
    assert_eq!(coded("flag sets=b=2", "`A=1`").0, [told]);
    let told = "line 26: S2 is a `http-expect`, which holds no settings";
    assert_eq!(coded("http-expect sets=B=2", "").0, [told]);
}
