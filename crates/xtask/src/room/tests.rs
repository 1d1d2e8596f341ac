//! What `df` says, and what follows from it.

use super::{FREE_MIN, Plan, free, free_in, in_gb, plan};

const SAID: &str = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                    /dev/vda         263174212 96000000     59392     100% /\n";

#[test]
fn the_free_blocks_are_read() {
    assert_eq!(free_in(SAID), Some(59392 * 1024));
    assert_eq!(in_gb(59392 * 1024), "0.1 GB");
}

#[test]
fn nonsense_is_no_room() {
    for said in ["", "Filesystem\n", "a\nb c d\n", "a\nb 1 2 - 3 /\n", "a\nb 1 2 -5 3 /\n"] {
        assert_eq!(free_in(said), None, "{said:?}");
    }
}

#[test]
fn room_is_made_where_it_is_short() {
    assert_eq!(plan(FREE_MIN), Plan::GoOn);
    assert_eq!(plan(FREE_MIN - 1), Plan::MakeRoom);
}

#[test]
fn this_machine_says_how_much_it_has() {
    assert!(free(std::path::Path::new("/")).is_ok());
}
