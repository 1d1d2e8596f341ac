//! What readers do follows from the seed, and keeps to the phases.

use rand::SeedableRng;

use super::*;

fn all(seconds: u64, seed: u64) -> Vec<Vec<Due>> {
    let phases = Phases::of(Duration::from_secs(seconds));
    let acting = Acting { phases: &phases, readers: 200, lag: Duration::from_secs(seconds / 24) };
    let rng = |reader: u32| StdRng::seed_from_u64(seed + u64::from(reader));
    (0..200).map(|reader| acting.of(reader, reader % 10 == 0, &mut rng(reader))).collect()
}

#[test]
fn the_same_seed_makes_the_same_acts() {
    assert_eq!(all(240, 1), all(240, 1));
    assert_ne!(all(240, 1), all(240, 2));
}

#[test]
fn everybody_comes_first_and_is_back_before_it_is_calm() {
    let phases = Phases::of(Duration::from_secs(240));
    for acts in all(240, 3) {
        assert_eq!(acts[0].act, Act::Come);
        assert!(acts[0].at < phases.get(PhaseName::RampUp).to);
        let (mut is_there, mut reads) = (false, true);
        for due in &acts {
            match due.act {
                Act::Come => is_there = true,
                Act::Leave => is_there = false,
                Act::Stop => reads = false,
                Act::Read => reads = true,
            }
            assert!(due.at <= phases.get(PhaseName::Calm).from, "{due:?}");
            let name = phases.at(due.at).name;
            assert!(due.act != Act::Leave || name.load().churn.is_some(), "{due:?}");
            assert!(due.act != Act::Stop || name.load().pauses, "{due:?}");
        }
        assert!(is_there && reads, "{acts:?}");
    }
}

#[test]
fn only_slow_readers_stop_and_a_storm_is_a_storm() {
    let acts = all(240, 4);
    let stops = |acts: &[Due]| acts.iter().any(|due| due.act == Act::Stop);
    assert!(acts.iter().enumerate().all(|(reader, acts)| stops(acts) == (reader % 10 == 0)));
    let storm = *Phases::of(Duration::from_secs(240)).get(PhaseName::ChurnStorm);
    let is_in = |due: &&Due| due.act == Act::Leave && (storm.from..storm.to).contains(&due.at);
    let leaves = acts.iter().flatten().filter(is_in).count();
    assert!((200..400).contains(&leaves), "{leaves}");
}
