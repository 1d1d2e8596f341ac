//! Writes a feed that was never observed, for measurements of whoever replays it:
//! `cargo run --release -p chain --example synthetic_feed -- FILE TRANSACTIONS`.

use std::path::Path;

use chain::{FeedWriter, Synthetic};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [file, transactions] = &words[..] else {
        return Err("it takes a file and a number of transactions".into());
    };
    let feed = Synthetic {
        chain_key: "made-up".parse()?,
        chain_id: 7,
        transactions: transactions.parse()?,
        transactions_per_block: 200,
        calldata_bytes: 68,
        seed: 1,
    };
    let mut writer = FeedWriter::create(Path::new(file), &feed.header())?;
    for line in feed.lines() {
        writer.write(&line)?;
    }
    writer.finish()?.close()?;
    Ok(())
}
