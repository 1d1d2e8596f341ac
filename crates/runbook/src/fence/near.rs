//! Fences that were meant for a run and are not understood: a guard that is lost would never fail.

use crate::outline;

/// What fences are for, each with a key that one of it has.
const KINDS: [(&str, &str); 3] =
    [("traffic", "weight_percent"), ("guard", "measure"), ("undo", "commands")];

/// Says what a fence was meant to be, if it was meant for a run.
pub(super) fn meant(fence: &outline::Fence) -> Option<String> {
    let lower = fence.info.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_toml = words.iter().any(|word| is_near(word, "toml"));
    let named = |(kind, _): &&(&str, &str)| words.iter().any(|word| is_near(word, kind));
    let is_alone = words.len() == 1;
    let has_key = |(_, key): &&(&str, &str)| {
        let mut lines = fence.text.lines().map(str::trim_start);
        lines.any(|line| {
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    };
    let kind = match KINDS.iter().find(named) {
        Some(kind) if is_toml || is_alone || has_key(&kind) => Some(kind.0),
        // Its keys tell what it is, where it does not.
        _ if is_toml || words.is_empty() => KINDS.iter().find(has_key).map(|kind| kind.0),
        _ => None,
    };
    let is_other = is_toml && words.first() == Some(&"toml") && !is_alone;
    let info = fence.info.trim();
    match kind {
        Some(kind) => Some(format!("the fence `{info}` is not read; write `toml {kind}`")),
        None if is_other => {
            Some(format!("a `toml` fence is for `traffic`, `guard` or `undo`, not `{info}`"))
        }
        None => None,
    }
}

/// Returns whether a word is another one but for a slip: a letter more or less, another one, or two
/// changed places (the distance of Damerau, at most 1).
fn is_near(word: &str, known: &str) -> bool {
    let (word, known): (Vec<char>, Vec<char>) = (word.chars().collect(), known.chars().collect());
    let same = |one: &[char], other: &[char]| {
        one.iter().zip(other).take_while(|(one, other)| one == other).count()
    };
    let start = same(&word, &known);
    let (left, right) = (&word[start..], &known[start..]);
    let behind = |skip_left: usize, skip_right: usize| {
        left.get(skip_left..).is_some_and(|left| right.get(skip_right..) == Some(left))
    };
    let is_swapped = left.len() > 1
        && right.len() > 1
        && left[0] == right[1]
        && left[1] == right[0]
        && behind(2, 2);
    behind(0, 0) || behind(1, 0) || behind(0, 1) || behind(1, 1) || is_swapped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(info: &str, text: &str, expected: Option<&str>) {
        let fence = outline::Fence {
            line: 1,
            item: None,
            info: info.to_owned(),
            text: text.to_owned(),
            is_closed: true,
            has_opening: false,
        };
        assert_eq!(meant(&fence).as_deref(), expected, "{info}");
    }

    #[test]
    fn what_was_meant_is_named() {
        for info in [
            "toml guards",
            "toml guard x",
            "Toml guard",
            "TOML guard",
            "toml Guard",
            "toml,guard",
            "toml:guard",
            "toml{guard}",
            "guard",
            "tml guard",
            "tmol guard",
            "toml gaurd",
            "toml-guard",
            "guard toml",
            "toml gard",
        ] {
            let told = format!("the fence `{info}` is not read; write `toml guard`");
            check(info, "", Some(&told));
        }
        check("toml trafic", "", Some("the fence `toml trafic` is not read; write `toml traffic`"));
        check("undo", "", Some("the fence `undo` is not read; write `toml undo`"));
        let told = Some("the fence `toml` is not read; write `toml guard`");
        check("toml", "id = \"x\"\n  measure = \"errors\"\n", told);
        check("", "measure=\"errors\"\n", Some("the fence `` is not read; write `toml guard`"));
        let told = Some("the fence `json guard` is not read; write `toml guard`");
        check("json guard", "measure = \"errors\"\n", told);
        let told = "a `toml` fence is for `traffic`, `guard` or `undo`, not `toml example`";
        check("toml example", "", Some(told));
    }

    #[test]
    fn what_means_nothing_to_a_run_stays_so() {
        for info in
            ["toml", "", "sh", "bash guard", "text traffic", "rust", "yaml", "undone", "json"]
        {
            check(info, "measured = 1\nx = \"measure\"\n", None);
        }
    }
}
