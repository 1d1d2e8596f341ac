//! A feed's file, written and read.

use std::{io::BufRead, sync::Arc};

use chain::{
    BlockRef, ChainState, Fact, FeedError, FeedEvent, FeedHeader, FeedLine, FeedReader, FeedWriter,
    Input, LineFault, Replay, Speed, SpeedFactor, StateLimits, TrackerLimits, Update, example_feed,
};

use crate::support::{Numbers, block, transaction};

pub(crate) fn header(key: &str) -> FeedHeader {
    FeedHeader {
        chain_key: key.parse().expect("the test made it so"),
        chain_id: 31_337,
        recorded_unix_ms: 1_700_000_000_000,
    }
}

/// A minute of a quiet chain: transfers, replaced ones, a reorganisation and a jump back.
pub(crate) fn demo_lines(key: &str, blocks: u64) -> Vec<FeedLine> {
    let chain: chain::ChainKey = key.parse().expect("the test made it so");
    let (mut lines, mut waiting) = (Vec::new(), Vec::new());
    let (mut numbers, mut n, mut at_ms) = (Numbers(7), 0, 0);
    let mut canonical = vec![block(0, None, Vec::new())];
    let line = |at_ms, event| FeedLine { chain: chain.clone(), at_ms, event };
    lines.push(line(0, FeedEvent::Block(Arc::clone(&canonical[0]))));
    for b in 1..=blocks {
        for _ in 0..numbers.below(8) + 1 {
            n += 1;
            at_ms += numbers.below(100);
            let new = transaction(n, n % 5, n, 2_000_000_000);
            lines.push(line(at_ms, FeedEvent::Pending(Arc::clone(&new))));
            if numbers.below(6) == 0 {
                n += 1;
                let better = transaction(n, (n - 1) % 5, n - 1, 3_000_000_000);
                lines.push(line(at_ms + 1, FeedEvent::Pending(Arc::clone(&better))));
                waiting.push(better);
            } else {
                waiting.push(new);
            }
        }
        at_ms += 500;
        if b % 17 == 0 {
            // The last two blocks go; their transactions are in the next one.
            for _ in 0..2 {
                waiting.splice(
                    0..0,
                    canonical.pop().expect("the test made it so").transactions.iter().cloned(),
                );
            }
            if b % 34 == 0 {
                let head = canonical.last().expect("the test made it so").header.block();
                lines.push(line(at_ms, FeedEvent::Rollback(head)));
            } else {
                let parent = canonical.last().expect("the test made it so").header.block();
                let side = block(10_000 + b, Some(parent), waiting.drain(..2).collect());
                lines.push(line(at_ms, FeedEvent::Block(Arc::clone(&side))));
                canonical.push(side);
            }
        }
        let parent = canonical.last().expect("the test made it so").header.block();
        let next = block(b, Some(parent), std::mem::take(&mut waiting));
        lines.push(line(at_ms, FeedEvent::Block(Arc::clone(&next))));
        canonical.push(next);
    }
    lines
}

fn written(lines: &[FeedLine]) -> Vec<u8> {
    let mut writer = FeedWriter::new(Vec::new(), &header("demo")).expect("the test made it so");
    writer.chain(&header("other")).expect("the test made it so");
    lines.iter().for_each(|line| writer.write(line).expect("the test made it so"));
    writer.finish().expect("the test made it so")
}

fn read(bytes: &[u8]) -> (Vec<FeedLine>, Option<FeedError>) {
    let reader = match FeedReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut lines, mut error) = (Vec::new(), None);
    for line in reader {
        match line {
            Ok(line) => lines.push(line),
            Err(failure) => error = Some(failure),
        }
    }
    (lines, error)
}

#[test]
fn what_is_written_is_read() {
    let mut lines = demo_lines("demo", 40);
    lines.extend(demo_lines("other", 5));
    let (again, error) = read(&written(&lines));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(again, lines);
}

#[test]
fn the_chains_that_a_feed_begins_with_are_known_at_once() {
    let bytes = written(&demo_lines("other", 1));
    let reader = FeedReader::new(bytes.as_slice()).expect("it is a feed");
    let keys: Vec<_> = reader.chains().iter().map(|it| it.chain_key.to_string()).collect();
    assert_eq!(keys, ["demo", "other"]);
    // What is wrong behind the headers is told in its turn.
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let headers: Vec<u8> = lines.by_ref().take(2).flatten().copied().collect();
    let wrong = [headers.as_slice(), b"{}\n"].concat();
    let mut reader = FeedReader::new(wrong.as_slice()).expect("its headers are good");
    let error = reader.next().and_then(Result::err).expect("the line is none");
    assert!(matches!(error, FeedError::Line { number: 3, .. }), "{error:?}");
    assert!(reader.next().is_none());
}

#[test]
fn files_are_told_by_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let lines = demo_lines("demo", 3);
    for name in ["feed.jsonl", "feed.jsonl.gz"] {
        let path = folder.path().join(name);
        let mut writer = FeedWriter::create(&path, &header("demo")).unwrap();
        lines.iter().for_each(|line| writer.write(line).unwrap());
        writer.flush().unwrap();
        writer.finish().unwrap().close().unwrap();
        let is_gzip = std::fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]);
        assert_eq!(is_gzip, name.ends_with("gz"));
        let renamed = folder.path().join("renamed");
        std::fs::rename(&path, &renamed).unwrap();
        let again: Result<Vec<_>, _> = FeedReader::open(&renamed).unwrap().collect();
        assert_eq!(again.unwrap(), lines);
    }
}

#[test]
fn a_cut_file_gives_its_whole_lines() {
    let lines = demo_lines("demo", 3);
    let bytes = written(&lines);
    for cut in (0..bytes.len()).step_by(37) {
        let (again, error) = read(&bytes[..cut]);
        assert!(matches!(error, Some(FeedError::Cut { .. })), "{cut}: {error:?}");
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(again, lines[..whole.saturating_sub(2)]);
    }
}

#[test]
fn a_cut_gzip_gives_its_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.jsonl.gz");
    let lines = demo_lines("demo", 40);
    let mut writer = FeedWriter::create(&path, &header("demo")).unwrap();
    lines.iter().for_each(|line| writer.write(line).unwrap());
    writer.finish().unwrap().close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let read: Vec<_> = FeedReader::open(&path).unwrap().collect();
    let (last, whole) = read.split_last().unwrap();
    assert!(matches!(last, Err(FeedError::Cut { .. })), "{last:?}");
    assert!(whole.len() > 10);
    assert!(whole.iter().zip(&lines).all(|(line, wanted)| line.as_ref().unwrap() == wanted));
}

#[test]
fn bad_lines_are_named() {
    let head = r#"{"format":"tidegate-feed","version":1,"chain_key":"a","chain_id":1,"recorded_unix_ms":0}"#;
    let roll = format!(r#"{{"number":1,"hash":"0x{}"}}"#, "11".repeat(32));
    let many: String =
        (0..65).map(|n| head.replace("\"a\"", &format!("\"chain-{n}\"")) + "\n").collect();
    type Expected = fn(&LineFault) -> bool;
    let table: &[(String, u64, Expected)] = &[
        ("nonsense\n".into(), 1, |f| matches!(f, LineFault::NotAFeed)),
        ("{\"end\":true,\"lines\":0}\n".into(), 1, |f| matches!(f, LineFault::NotAFeed)),
        (head.replace(":1,\"chain_key", ":2,\"chain_key") + "\n", 1, |f| {
            matches!(f, LineFault::Version { version: 2 })
        }),
        (format!("{head}\n{head}\n"), 2, |f| matches!(f, LineFault::ChainAgain(_))),
        (many, 65, |f| matches!(f, LineFault::TooManyChains)),
        (format!("{head}\n{{\"at_ms\":1}}\n"), 2, |f| matches!(f, LineFault::Shape)),
        (format!("{head}\n{{\"rollback\":{roll}}}\n"), 2, |f| matches!(f, LineFault::Shape)),
        (format!("{head}\n{{\"at_ms\":1,\"chain\":\"b\",\"rollback\":{roll}}}\n"), 2, |f| {
            matches!(f, LineFault::ChainUnknown(_))
        }),
        (format!("{head}\n{{\"at_ms\":1,\"what\":2}}\n"), 2, |f| matches!(f, LineFault::Json(_))),
        (format!("{head}\n{{\"at_ms\":1\n"), 2, |f| matches!(f, LineFault::Json(_))),
        (format!("{head}\n{{\"end\":true,\"lines\":7}}\n"), 2, |f| {
            matches!(f, LineFault::Count { counted: 7, lines: 1 })
        }),
        (format!("{head}\n{{\"end\":true,\"lines\":1}}\n{head}\n"), 3, |f| {
            matches!(f, LineFault::BehindEnd)
        }),
    ];
    for (text, line, is_fault) in table {
        match read(text.as_bytes()).1 {
            Some(FeedError::Line { number, fault }) if is_fault(&fault) => {
                assert_eq!(number, *line, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_line_is_bounded() {
    let whole = written(&[]);
    let first = whole.split_inclusive(|b| *b == b'\n').next().unwrap();
    let bytes = [first, &[b' '; 17 << 20]];
    let (lines, error) = read(&bytes.concat());
    assert!(lines.is_empty());
    let Some(FeedError::Line { number: 2, fault: LineFault::TooLong }) = error else {
        panic!("{error:?}");
    };
}

fn replayed(lines: Vec<FeedLine>, speed: Speed) -> Vec<chain::ReplayItem> {
    let limits = TrackerLimits::default();
    Replay::new(lines.into_iter().map(Ok), speed, limits)
        .map(|item| item.expect("the lines are whole"))
        .collect()
}

#[test]
fn a_replay_tells_what_was_recorded() {
    let lines = demo_lines("demo", 40);
    let last = match &lines.last().unwrap().event {
        FeedEvent::Block(block) => block.header.block(),
        other => panic!("{other:?}"),
    };
    let items = replayed(lines, Speed::Unpaced);
    let mut state = ChainState::new(StateLimits::default());
    let is_reorg =
        |item: &&chain::ReplayItem| matches!(item.input, Input::Update(Update::Reorg { .. }));
    assert_eq!(items.iter().filter(is_reorg).count(), 1);
    let is_revert =
        |item: &&chain::ReplayItem| matches!(item.input, Input::Update(Update::Revert { .. }));
    assert_eq!(items.iter().filter(is_revert).count(), 1);
    let mut replaced = 0;
    for item in items {
        let groups = state.advance(item.input, 0);
        let facts = groups.iter().flatten();
        replaced += facts.filter(|fact| matches!(fact, Fact::Replaced { .. })).count();
    }
    assert_eq!((state.head(), state.unfolded_count()), (Some(last), 0));
    assert_eq!(state.pending_count(), 0);
    assert!(replaced > 5);
}

#[test]
fn a_replay_has_its_times() {
    let lines = demo_lines("demo", 10);
    let own = replayed(lines.clone(), Speed::Times(SpeedFactor::new(1.0).unwrap()));
    let fast = replayed(lines, Speed::Times(SpeedFactor::new(4.0).unwrap()));
    assert!(own.last().unwrap().due.as_millis() > 5_000);
    for (own, fast) in own.iter().zip(&fast) {
        assert!(own.due.abs_diff(fast.due * 4).as_micros() < 10);
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(SpeedFactor::new(bad).is_none());
    }
}

#[test]
fn a_replay_goes_on_where_blocks_are_missing() {
    let first = block(0, None, Vec::new());
    let far =
        block(9, Some(BlockRef { number: 7, hash: block(8, None, vec![]).header.hash }), vec![]);
    let chain: chain::ChainKey = "demo".parse().unwrap();
    let line = |block| FeedLine { chain: chain.clone(), at_ms: 0, event: FeedEvent::Block(block) };
    let items = replayed(vec![line(first), line(Arc::clone(&far))], Speed::Unpaced);
    let Input::Broken(broken) = &items[1].input else { panic!("{items:?}") };
    assert_eq!(broken.new, [far]);
}

#[test]
fn the_example_is_whole() {
    let reader = example_feed().unwrap();
    let lines: Vec<FeedLine> = reader.map(|item| item.expect("the lines are whole")).collect();
    assert!(lines.len() > 100);
    let mut state = ChainState::new(StateLimits::default());
    for item in replayed(lines, Speed::Unpaced) {
        state.advance(item.input, 0);
    }
    assert_eq!(state.unfolded_count(), 0);
    assert!(state.head().is_some());
}

/// Writes the feed that ships with the crate: `TIDEGATE_WRITE_EXAMPLE=path cargo test -p chain`.
#[test]
fn the_example_can_be_made_again() {
    let Some(path) = std::env::vars_os().find(|(name, _)| name == "TIDEGATE_WRITE_EXAMPLE") else {
        return;
    };
    let mut writer = FeedWriter::create(path.1.as_ref(), &header("demo")).unwrap();
    demo_lines("demo", 120).iter().for_each(|line| writer.write(line).unwrap());
    writer.finish().unwrap().close().unwrap();
}

#[test]
fn a_reader_takes_any_source() {
    let bytes = written(&demo_lines("demo", 1));
    let source: Box<dyn BufRead> = Box::new(std::io::BufReader::with_capacity(3, &bytes[..]));
    assert!(FeedReader::new(source).unwrap().all(|line| line.is_ok()));
}
