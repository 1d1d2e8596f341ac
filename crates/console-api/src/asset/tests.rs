//! What a browser is told about each file.

use super::*;

fn headers(given: &str) -> HeaderMap {
    let value = HeaderValue::from_str(given).expect("it is visible");
    HeaderMap::from_iter([(header::IF_NONE_MATCH, value)])
}

#[test]
fn every_file_has_its_guards() {
    for asset in ASSETS {
        let answered = answer(asset.name, &HeaderMap::new()).expect("it is there");
        assert_eq!(answered.status(), StatusCode::OK);
        for (name, value) in GUARDS {
            assert_eq!(answered.headers()[&name], value, "{}", asset.name);
        }
        assert_eq!(answered.headers()[header::CONTENT_TYPE], asset.media_type);
    }
}

#[test]
fn what_a_browser_has_is_not_sent_again() {
    let tag = TAGS[1].to_str().expect("it is visible");
    for given in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answered = answer("console.js", &headers(&given)).expect("it is there");
        assert_eq!(answered.status(), StatusCode::NOT_MODIFIED, "{given}");
        assert_eq!(answered.headers()[header::ETAG], *tag);
    }
    let other = answer("console.js", &headers("\"x\"")).expect("it is there");
    assert_eq!(other.status(), StatusCode::OK);
}

#[test]
fn there_are_no_other_files() {
    for name in ["", "index.htm", "../Cargo.toml", "console.js.map", "%2e%2e/x"] {
        assert!(answer(name, &HeaderMap::new()).is_none(), "{name}");
    }
}

#[test]
fn the_page_is_small() {
    let bytes: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
    assert!(bytes < 200 * 1024, "the first load is {bytes} bytes");
}

#[test]
fn the_page_names_files_that_there_are() {
    let page = std::str::from_utf8(ASSETS[0].bytes).expect("it is text");
    for asset in &ASSETS[1..] {
        assert!(page.contains(&format!("/console/{}", asset.name)), "{}", asset.name);
    }
    assert!(!page.contains("<script>") && !page.contains("<style") && !page.contains(" style="));
}
