//! Tables as HAProxy 2.6 gives them, shortened to some of their columns.

use super::*;

const TABLE: &str = "# pxname,svname,scur,stot,econ,eresp,status,hrsp_1xx,hrsp_2xx,hrsp_3xx,\
hrsp_4xx,hrsp_5xx,hrsp_other,addr,
canary,c1,2,10,1,0,UP,0,5,0,1,2,0,127.0.0.1:1,
canary,c2,1,4,0,0,DOWN 1/2,0,4,0,0,0,0,127.0.0.1:2,
canary,BACKEND,2,15,1,3,UP,1,9,2,1,2,0,,";

#[test]
fn a_table_is_an_arm() {
    let arm = parse_arm(TABLE, "canary").unwrap();
    // Both replicas together have more than the backend's own row.
    assert_eq!((arm.open, arm.requests), (3, 15));
    assert_eq!((arm.answers_good, arm.answers_4xx, arm.answers_5xx), (12, 1, 2));
    assert_eq!((arm.connect_errors, arm.response_errors), (1, 3));
    let states: Vec<_> = arm.servers.iter().map(|s| (s.name.as_str(), s.state, s.open)).collect();
    assert_eq!(states, [("c1", ServerState::Up, 2), ("c2", ServerState::Down, 1)]);
    let first = &arm.servers[0];
    assert_eq!((first.answers_good, first.answers_5xx, first.connect_errors), (5, 2, 1));
    assert_eq!(arm.servers[0].address, "127.0.0.1:1");
}

#[test]
fn what_is_no_table_is_refused() {
    assert!(parse_arm(TABLE, "stable").is_err_and(|what| what.contains("no row")));
    assert!(parse_arm("", "canary").is_err());
    assert!(parse_arm(&TABLE.replace("scur", "x"), "canary").is_err_and(|w| w.contains("scur")));
    assert!(parse_arm(&TABLE.replace("DOWN 1/2", "GONE"), "canary").is_err());
    assert!(parse_arm(&TABLE.replace(",15,", ",many,"), "canary").is_err());
}

#[test]
fn the_clock_and_the_process_are_read() {
    let info = "Name: HAProxy\nPid: 5\nUptime_sec: 7\nStart_time_sec: 1000";
    assert_eq!(parse_process(info), Ok(1000 << 24 | 5));
    assert!(parse_process("Name: HAProxy").is_err());
    let activity = "thread_id: 1 (1..2)\ndate_now: 1795363794.370015\nctxsw: 47 [ 24 23 ]";
    assert_eq!(parse_clock(activity), Ok(UnixTime(1_795_363_794)));
    for bad in ["ctxsw: 47", "date_now: noon"] {
        assert!(parse_clock(bad).is_err(), "{bad}");
    }
}
