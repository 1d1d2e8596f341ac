//! One measurement, from starting the servers to reading everything back.

mod steps;

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use self::steps::{Scene, hands};
use super::{
    account::Faults,
    exchange::Spent,
    listener::{Heard, Listener},
    meters::Meters,
    pace::Pace,
    plan::ChatPlan,
    reads::Back,
    sample::{Checked, Sample, Times},
    sends::{self, To},
};
use crate::{
    crowd::{Tally, histogram},
    error::BenchError,
    figure::{Figure, Figures},
    gauge::Reading,
    server::ChatServers,
    stop::Stop,
    work::Watch,
};

/// A measurement, and who watches it.
pub(super) struct Measuring<'a> {
    pub(super) plan: &'a ChatPlan,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) stop: &'a Stop,
    /// When the whole run began.
    pub(super) began: Instant,
    /// Where in the run this measurement is, as people read it.
    pub(super) title: String,
}

/// What the measured time gave.
struct Measured {
    sends: sends::Times,
    /// Messages that were acknowledged in it, and when it began.
    count: u64,
    began_us: u64,
    catch_up_us: Histogram<u64>,
    /// Pages that were read, and what was wrong with them.
    pages: (u64, Faults),
    spent: Vec<Spent>,
}

impl Measuring<'_> {
    /// Measures with fresh servers; `about` gets what they are.
    ///
    /// # Errors
    /// Fails where they do not come up, or refuse something.
    pub(super) fn once(&mut self, about: &mut String) -> Result<Sample, BenchError> {
        self.tick("starting", "");
        let servers = ChatServers::start(&self.setup(), self.stop)?;
        about.clone_from(&servers.about);
        let mut scene = Scene::new(self.plan, &servers);
        self.stage(&mut scene)?;
        let crowd = self.gather(&scene)?;
        self.warm_up(&mut scene, &crowd)?;

        crowd.board().measure_from(scene.clock.now_us());
        let warm = crowd.board().received();
        let (measured, mut meters) = self.measure(&mut scene)?;
        let mut problems = self.settle(&scene, &crowd, &mut meters)?;
        let mut figures = Figures::default();
        let (reading, ours) = meters.read(&servers, self.plan.cores, &mut figures);
        let deliveries = crowd.board().received();
        if let Some((why, count)) = crowd.board().broken() {
            problems.push(format!("{count} readers: it {why}"));
        }
        let (mut tally, ears) = crowd.close_with_ears();
        let pages = measured.pages;
        self.set_rates(&mut figures, &measured, (&reading, ours), deliveries - warm);
        measured.spent.into_iter().for_each(|spent| spent.add_to(&mut tally));
        let generator = reading.generator(&tally, Some(&measured.sends.late_us));

        let back = self.read_back(&scene)?;
        let heard = ears.into_iter().map(Listener::heard);
        let checked = Checked {
            acknowledged: scene.account.acknowledged(),
            read_back: back.messages,
            deliveries,
            pages: pages.0,
            acknowledgements: scene.account.faults(),
            back: back.faults,
            readers: of_readers(&tally, heard, &back, scene.account.last(0)),
            catch_up: pages.1,
        };
        let (send, catch_up) = (measured.sends.send_us, measured.catch_up_us);
        let times = Times { send, delivery: tally.latency_us, catch_up };
        times.set(&mut figures);
        Ok(Sample { figures, checked, generator, problems, times })
    }

    /// Sends for the time that is measured, and reads from the past meanwhile.
    fn measure(&mut self, scene: &mut Scene<'_>) -> Result<(Measured, Meters), BenchError> {
        let args = &self.plan.args;
        let mut senders = hands(scene, args.senders as usize)?;
        let mut line = hands(scene, scene.servers.replicas.len())?;
        let mut catch_up = self.catch_up(scene, Pace::count(0));
        let mut meters = Meters::start(scene.servers);
        // Nothing may take time any more: what is due is due from now on.
        let (clock, stop, began_us) = (scene.clock, self.stop, scene.clock.now_us());
        if let Some(reads) = &mut catch_up {
            reads.pace = Pace::spread(args.reads.into(), self.plan.time(), began_us);
        }
        let (count, has_senders) = (AtomicU64::new(0), args.senders > 0);
        let pace = Pace::timed(args.rate, self.plan.time(), began_us);
        let mut sends = self.sends(scene, (To::Cast(self.plan.cast()), pace), &count);
        let state = || format!("{} sent", count.load(Relaxed));
        let spent = self.carry(
            ("measuring", state),
            || meters.look(),
            || {
                thread::scope(|scope| {
                    let catch_up = catch_up.as_mut();
                    let reading =
                        catch_up.map(|reads| scope.spawn(move || line.run(reads, clock, stop)));
                    let sent = has_senders.then(|| senders.run(&mut sends, clock, stop));
                    let read =
                        reading.map(|reading| reading.join().expect("reading does not panic"));
                    sent.into_iter().chain(read).collect::<Result<Vec<_>, _>>()
                })
            },
        )?;
        meters.touch();
        let sends = sends.times;
        let none = || (histogram(), (0, Faults::default()));
        let read = catch_up.map(|reads| (reads.took_us, (reads.pages, reads.faults)));
        let (catch_up_us, pages) = read.unwrap_or_else(none);
        let count = count.into_inner();
        Ok((Measured { sends, count, began_us, catch_up_us, pages, spent }, meters))
    }

    fn set_rates(
        &self,
        figures: &mut Figures,
        measured: &Measured,
        (reading, ours): (&Reading, Duration),
        deliveries: u64,
    ) {
        figures.set(Figure::Seconds, reading.took.as_secs_f64());
        if self.plan.args.senders > 0 {
            let count = measured.count as f64;
            let took_us = measured.sends.last_us.saturating_sub(measured.began_us);
            figures.set(Figure::SendsPerSecond, count * 1e6 / took_us as f64);
            figures.set(Figure::SendsPerCpuSecond, count / ours.as_secs_f64());
        }
        if self.plan.args.readers > 0 {
            figures.set(Figure::DeliveriesPerSecond, reading.per_second(deliveries));
        }
    }
}

/// Returns what readers had wrong: numbers by their accounts, and what was said by what is read back.
fn of_readers(tally: &Tally, heard: impl Iterator<Item = Heard>, back: &Back, last: u64) -> Faults {
    let mut faults = Faults::default();
    tally.checks.iter().for_each(|check| faults.add(check.faults(last).into()));
    heard.for_each(|heard| faults.add(heard.faults(&back.first)));
    faults
}
