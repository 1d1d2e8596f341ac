//! Windows are bounded by count and by age.

use super::*;

#[test]
fn windows_hold_what_the_server_holds() {
    let second = Duration::from_secs;
    let mut windows = Windows::new(2, 1000, second(60));
    assert_eq!(windows.bytes(second(0)), 0);
    windows.publish(0, 500, 100, second(1));
    windows.publish(1, 2, 1600, second(10));
    assert_eq!(windows.bytes(second(10)), 500 * 500 + 2 * 2000);
    windows.publish(0, 900, 600, second(20));
    assert_eq!(windows.bytes(second(20)), 100 * 500 + 900 * 1000 + 2 * 2000, "by count");
    assert_eq!(windows.bytes(second(70)), 900 * 1000 + 2 * 2000, "by age");
    assert_eq!(windows.bytes(second(90)), 0);
}
