//! Memory may grow by what windows hold, and by little else.

use super::*;

#[test]
fn only_windows_may_grow() {
    let check = |rss: (f64, f64), windows: (f64, f64), is_flat: bool| {
        let moment =
            |rss_bytes, windows_bytes| Moment { rss_bytes, windows_bytes, ..Moment::default() };
        let flatness = Flatness::of(moment(rss.0, windows.0), moment(rss.1, windows.1));
        assert_eq!(flatness.is_flat, is_flat, "{flatness:?}");
    };
    check((200e6, 200e6), (0.0, 0.0), true);
    check((200e6, 180e6), (0.0, 0.0), true);
    check((200e6, 229e6), (0.0, 0.0), true);
    check((200e6, 231e6), (0.0, 0.0), false);
    check((200e6, 231e6), (0.0, 10e6), true);
    check((200e6, 254e6), (0.0, 10e6), true);
    check((200e6, 256e6), (0.0, 10e6), false);
    check((200e6, 231e6), (10e6, 0.0), false);
    check((10e6, 25e6), (0.0, 0.0), true);
    check((10e6, 27e6), (0.0, 0.0), false);
}

#[test]
fn ratio_and_bound_are_of_the_steady_phase() {
    let moment =
        |rss_bytes, windows_bytes| Moment { rss_bytes, windows_bytes, ..Moment::default() };
    let flatness = Flatness::of(moment(200e6, 5e6), moment(300e6, 25e6));
    assert_eq!(flatness.ratio, 1.5);
    assert!((flatness.bound - 1.4).abs() < 1e-9, "{flatness:?}");
}
