//! Tests of words and times.

use super::*;

#[test]
fn times_are_read_and_written_in_one_way() {
    for (text, minutes) in [("T0", 0), ("T-60", -60), ("T+30", 30), ("T+10080", 10080)] {
        let offset: Offset = text.parse().unwrap();
        assert_eq!((offset.minutes(), offset.to_string().as_str()), (minutes, text));
    }
    for text in ["", "T", "T5", "T--5", "T+-5", "t0", "T+1h", "T+10081", "T+999999", "T+ 1", "0"] {
        assert!(text.parse::<Offset>().is_err(), "{text}");
    }
    for (text, seconds) in [("0s", 0), ("90s", 90), ("30m", 1800), ("2h", 7200)] {
        let length: Length = text.parse().unwrap();
        assert_eq!((length.seconds(), length.to_string().as_str()), (seconds, text));
    }
    for text in ["", "m", "5", "-5m", "5 m", "9999999s", "169h", "5d", "é"] {
        assert!(text.parse::<Length>().is_err(), "{text}");
    }
}

#[test]
fn a_wrong_word_is_told_what_may_stand_there() {
    let refused = "prod".parse::<Mode>().unwrap_err();
    assert_eq!(refused.to_string(), "`prod` is none of readiness, rehearsal, production");
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse::<Kind>(), Ok(*kind));
    }
}
