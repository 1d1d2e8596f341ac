//! How a part goes into the document.

use serde_json::{Value, json};

use super::{OPENAPI, merged, with_part};

fn check(part: &Value, expected: Result<&str, &str>) {
    let document = json!({
        "tags": [{"name": "a"}],
        "paths": {"/a": {"get": {}}},
        "components": {"schemas": {"A": {"type": "string"}, "B": {"type": "string"}}},
    });
    let merged = merged(&document.to_string(), &part.to_string());
    let merged = merged.map_err(|error| error.to_string());
    let parsed = merged.as_deref().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    let expected = expected.map(|text| serde_json::from_str(text).expect("JSON"));
    assert_eq!(parsed.map_err(String::as_str), expected, "{part}");
}

#[test]
fn a_part_adds_paths_and_its_components_count() {
    check(
        &json!({
            "tags": [{"name": "b"}],
            "paths": {"/b": {"post": {}}},
            "components": {"schemas": {"B": {"type": "null"}}, "headers": {"H": {}}},
        }),
        Ok(r#"{
            "tags": [{"name": "a"}, {"name": "b"}],
            "paths": {"/a": {"get": {}}, "/b": {"post": {}}},
            "components": {
                "schemas": {"A": {"type": "string"}, "B": {"type": "null"}},
                "headers": {"H": {}}
            }
        }"#),
    );
}

#[test]
fn a_part_that_can_t_be_used_is_named() {
    let path = json!({"tags": [], "paths": {"/a": {}}, "components": {}});
    check(&path, Err("the path /a is there already"));
    check(&json!({"tags": [], "components": {}}), Err("paths has another form than in a document"));
    check(&json!([]), Err("tags has another form than in a document"));
    assert_eq!(with_part(OPENAPI, "no JSON"), OPENAPI);
}
