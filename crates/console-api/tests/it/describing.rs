//! The OpenAPI document has the console's routes, and the page is for everybody.

use std::collections::BTreeSet;

use console_api::{ASSETS, CONSOLE_ROUTES};
use http::StatusCode;
use node_runtime::{RuntimeBuilder, Settings, settings::Values};

use crate::stage::Server;

#[tokio::test]
async fn every_route_is_described_and_no_other() {
    let (_, bytes) = Server::new().ask(("GET", "/api/openapi.json"), None, "").await;
    let document: serde_json::Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    let is_ours = |path: &str| path.starts_with("/console") || path.starts_with("/api/runs");
    let described: BTreeSet<_> = paths
        .iter()
        .filter(|(path, _)| is_ours(path))
        .collect::<Vec<_>>()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("it is an object").keys();
            methods.map(|method| (path.to_string(), method.clone())).collect::<Vec<_>>()
        })
        .collect();
    let routed = CONSOLE_ROUTES.iter().flat_map(|route| {
        route.methods.iter().map(|method| (route.path.to_owned(), (*method).to_owned()))
    });
    assert_eq!(described, routed.collect());
    let references = String::from_utf8(bytes).expect("it is text");
    for part in references.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().expect("it ends");
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}

#[tokio::test]
async fn the_page_needs_no_credential() {
    let server = Server::new();
    for (path, name) in [("/console", "index.html"), ("/console/console.js", "console.js")] {
        let (status, bytes) = server.ask(("GET", path), None, "").await;
        let asset = ASSETS.iter().find(|asset| asset.name == name).expect("it is there");
        assert_eq!((status, &bytes[..]), (StatusCode::OK, asset.bytes));
    }
    for path in ["/console/nothing.js", "/console/..%2fCargo.toml"] {
        assert_eq!(server.ask(("GET", path), None, "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn runs_are_for_administrators() {
    let server = Server::new();
    for route in CONSOLE_ROUTES.iter().filter(|route| route.path.starts_with("/api/runs")) {
        let path = route.path.replace("{id}", "x").replace("{sha256}", &"0".repeat(64));
        let method = route.methods[0].to_uppercase();
        let asked = (method.as_str(), path.as_str());
        assert_eq!(server.ask(asked, None, "{}").await.0, StatusCode::UNAUTHORIZED, "{path}");
        let reader = Some(crate::stage::READER);
        assert_eq!(server.ask(asked, reader, "{}").await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[test]
fn it_can_be_left_out() {
    for (word, is_there) in [("off", false), ("on", true)] {
        let values = Values::from_environment([("TIDEGATE_CONSOLE", word)]);
        let settings = Settings::parse(&values).expect("it is allowed");
        let builder = RuntimeBuilder::new(settings);
        assert_eq!(console_api::annex(builder.state()).is_some(), is_there, "{word}");
    }
}
