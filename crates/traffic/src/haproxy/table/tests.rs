//! Tables as HAProxy 2.6 gives them.

use super::*;
use crate::Client;

const HEAD: &str = "# table: canary, type: string, size:102400, used:1";

#[test]
fn entries_are_clients() {
    let line = "0x563c: key=3EBB1C99B12B7746 use=0 exp=3597221 http_req_cnt=2 gpc0=1";
    let total = ClientTotal { client: Client::of("ka"), requests: 2, errors: 1 };
    assert_eq!(parse(&format!("{HEAD}\n{line}")), Ok(vec![total]));
    assert_eq!(parse(HEAD), Ok(Vec::new()));
}

#[test]
fn what_is_no_table_is_refused() {
    for bad in ["", "hello", &format!("{HEAD}\n0x1: key=abc http_req_cnt=2 gpc0=1")] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    assert!(parse(&format!("{HEAD}\n0x1: key=3EBB1C99B12B7746 use=0")).is_err());
}
