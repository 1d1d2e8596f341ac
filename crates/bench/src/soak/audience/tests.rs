//! Who reads what.

use rand::SeedableRng;

use super::*;

#[test]
fn a_few_streams_are_big_and_none_is_empty() {
    for (readers, streams) in [(10_000, 100), (40, 10), (10, 10), (1, 1), (7, 3)] {
        let sizes = sizes(readers, streams);
        assert_eq!(sizes.len(), streams as usize);
        assert_eq!(sizes.iter().sum::<u32>(), readers, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size > 0), "{sizes:?}");
        assert_eq!(sizes.iter().max(), sizes.first(), "{sizes:?}");
    }
    let sizes = sizes(10_000, 100);
    assert!(sizes[0] > 1500 && sizes[99] < 30, "{sizes:?}");
}

#[test]
fn slow_readers_are_where_it_is_loud() {
    let sizes = sizes(10_000, 100);
    let parts = |seed| parts(&sizes, 500, &mut StdRng::seed_from_u64(seed));
    let all = parts(1);
    let slow: Vec<_> = all.iter().filter(|part| part.is_slow).collect();
    assert_eq!(slow.len(), 500);
    for stream in loud(100) {
        let of_it = slow.iter().filter(|part| part.stream == stream).count() as u32;
        assert!(of_it >= sizes[stream as usize] / 2, "{stream}: {of_it}");
    }
    for (stream, size) in sizes.iter().enumerate() {
        let of_it = all.iter().filter(|part| part.stream == stream as u32).count();
        assert_eq!(of_it, *size as usize);
    }
    assert_eq!(all, parts(1));
    assert_ne!(all, parts(2));
}

#[test]
fn one_stream_is_everything_at_once() {
    assert_eq!((loud(1), small(1)), (vec![0], 0..1));
    assert_eq!((loud(100), small(100)), (vec![10, 20, 30], 50..100));
    let parts = parts(&[3], 3, &mut StdRng::seed_from_u64(1));
    assert!(parts.iter().all(|part| part.is_slow));
}
