//! Clients that send more or less, and the draws that are made of them.

use rand::{Rng, RngExt, rngs::Xoshiro256PlusPlus};

/// Clients with weights `1/(i+10)^0.7`: of a thousand, the busiest sends some twenty-five times as
/// much as the median one. Drawn by Vose's alias method, in constant time.
pub(super) struct Population {
    keep: Vec<f64>,
    alias: Vec<u32>,
}

impl Population {
    pub(super) fn new(clients: u32) -> Self {
        let weights: Vec<f64> = (0..clients).map(|i| (f64::from(i) + 10.0).powf(-0.7)).collect();
        let mean = weights.iter().sum::<f64>() / f64::from(clients);
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..clients).partition(|i| scaled[*i as usize] < 1.0);
        let (mut keep, mut alias) = (vec![1.0; clients as usize], (0..clients).collect::<Vec<_>>());
        while let (Some(few), Some(many)) = (small.pop(), large.pop()) {
            keep[few as usize] = scaled[few as usize];
            alias[few as usize] = many;
            scaled[many as usize] -= 1.0 - scaled[few as usize];
            if scaled[many as usize] < 1.0 { small.push(many) } else { large.push(many) }
        }
        Population { keep, alias }
    }

    pub(super) fn len(&self) -> usize {
        self.keep.len()
    }

    /// Draws the client of a request.
    pub(super) fn client(&self, rng: &mut Xoshiro256PlusPlus) -> usize {
        let bits = rng.next_u64();
        let index = ((u128::from(bits) * self.keep.len() as u128) >> 64) as usize;
        let is_kept = rng.random::<f64>() < self.keep[index];
        if is_kept { index } else { self.alias[index] as usize }
    }
}

/// Draws how many requests come, by Knuth's product of uniforms in parts of at most 16.
pub(super) fn poisson(rng: &mut Xoshiro256PlusPlus, mean: f64) -> u32 {
    let parts = (mean / 16.0).ceil().max(1.0);
    let limit = (-mean / parts).exp();
    let mut count = 0;
    for _ in 0..parts as u32 {
        let mut product: f64 = rng.random();
        while product > limit {
            count += 1;
            product *= rng.random::<f64>();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let (population, mut rng) = (Population::new(50), Xoshiro256PlusPlus::seed_from_u64(3));
        let mut counts = [0u32; 50];
        for _ in 0..500_000 {
            counts[population.client(&mut rng)] += 1;
        }
        let ratio = f64::from(counts[0]) / f64::from(counts[49]);
        let expected = (59f64 / 10.0).powf(0.7);
        assert!((ratio / expected - 1.0).abs() < 0.05, "{ratio}, expected {expected}");
        assert!(counts.is_sorted_by(|a, b| f64::from(*a) > 0.93 * f64::from(*b)));
    }

    #[test]
    fn counts_have_mean_and_variance_of_poisson() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        for mean in [0.2, 5.0, 100.0] {
            let draws: Vec<f64> = (0..50_000).map(|_| poisson(&mut rng, mean).into()).collect();
            let average = draws.iter().sum::<f64>() / 50_000.0;
            let variance = draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / 50_000.0;
            assert!((average / mean - 1.0).abs() < 0.03, "{average} for {mean}");
            assert!((variance / mean - 1.0).abs() < 0.05, "{variance} for {mean}");
        }
    }
}
