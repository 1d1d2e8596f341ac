//! What is sent to be published, over HTTP and over a WebSocket.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    viz_api::fuzzing::publish_body(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        viz_api::fuzzing::web_message(text);
    }
});
