//! The map as HAProxy shows it.

use super::*;

fn check(answer: &str, expected: Result<(u16, u64, Option<&str>), &str>) {
    let map = parse(answer);
    match expected {
        Ok((weight, until, owner)) => {
            let map = map.unwrap();
            assert_eq!((map.weight.basis_points(), map.until.0), (weight, until));
            assert_eq!(map.owner.as_ref().map(Owner::as_str), owner);
        }
        Err(part) => assert!(map.clone().is_err_and(|what| what.contains(part)), "{map:?}"),
    }
}

#[test]
fn a_map_is_read() {
    let whole = "0x563c weight 2000\n0x563d until 4102444800\n0x563e owner run-7";
    check(whole, Ok((2_000, 4_102_444_800, Some("run-7"))));
    check(&whole.replace("run-7", "none"), Ok((2_000, 4_102_444_800, None)));
    check("", Err("no entry `weight`"));
    check(&whole.replace("2000", "20000"), Err("no weight"));
    check(&whole.replace("2000", "-1"), Err("no weight"));
    check(&whole.replace("4102444800", "soon"), Err("no time"));
    check(&whole.replace("run-7", "a b"), Err("no name of a run"));
    check(&format!("{whole}\n0x7f1e weight 4"), Err("more than one entry `weight`"));
}
