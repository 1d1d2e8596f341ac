//! The list has everything, and nothing else in `chat` has a text of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Statement, Way};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn chat_has_no_text_of_its_own() {
    const WORDS: [&str; 9] = [
        "Query::new",
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "UPSERT ",
        "DELETE ",
        "CREATE ",
        "RELATE ",
        "RETURN ",
    ];
    let mut found = Vec::new();
    let chat = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chat");
    files(&chat, &mut found);
    assert!(found.len() > 5, "the folder of chat: {found:?}");
    found.push(chat.with_extension("rs"));
    let mut used = String::new();
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let word = WORDS.iter().find(|word| line.contains(*word));
            assert_eq!(word, None, "{}: {line}: it belongs into statement.rs", path.display());
        }
        used.push_str(&text);
    }
    for statement in Statement::ALL {
        let name = format!("Statement::{}", statement.name());
        assert!(used.contains(&name), "nobody uses {name}");
    }
}

#[test]
fn each_part_has_a_way_that_its_text_shows() {
    for statement in Statement::ALL {
        let (parts, ways) = (statement.parts(), statement.ways());
        assert_eq!(parts.len(), ways.len(), "{statement:?}");
        for (part, way) in parts.iter().zip(ways) {
            match way {
                Way::Ids => assert!(part.contains("$id") || part.contains("{ $rows }"), "{part}"),
                Way::Range => assert!(part.contains(":[") && part.contains(".."), "{part}"),
                Way::Index(name) => assert!(part.contains(&format!("WITH INDEX {name}")), "{part}"),
            }
        }
    }
}
