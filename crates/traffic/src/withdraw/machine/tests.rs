//! Withdrawals as scripts: what is seen, one after the other, and what must be due then. A tick of
//! the clock passes with each.

use super::*;

const TICK: Duration = Duration::from_millis(10);

/// A router and its clients, as far as the machine can see them.
struct World {
    sight: Sight,
    /// What each next look changes before it is taken, for as long as there is something.
    changes: Vec<fn(&mut Sight)>,
    /// How many orders to stop it does not obey.
    deaf: u32,
    probe: fn(u32) -> Result<Vec<Arm>, Trouble>,
    probes: u32,
    goodbye: Result<(), Trouble>,
    /// What one eviction closes.
    closes: u64,
    commands: Vec<Command>,
}

impl Default for World {
    fn default() -> Self {
        let weight = Weight::from_basis_points(1_000).unwrap();
        World {
            sight: Sight { process: 1, weight, open: 3, requests: 100 },
            changes: Vec::new(),
            deaf: 0,
            probe: |_| Ok(vec![Arm::Stable; 2]),
            probes: 0,
            goodbye: Ok(()),
            closes: 10,
            commands: Vec::new(),
        }
    }
}

fn trouble(text: &str) -> Trouble {
    Trouble { text: text.to_owned(), is_fenced: false }
}

impl World {
    fn answer(&mut self, command: Command) -> Input {
        match command {
            Command::Stop if self.deaf > 0 => {
                self.deaf -= 1;
                Input::Stopped(Err(trouble("it does not")))
            }
            Command::Stop => {
                self.sight.weight = Weight::NONE;
                Input::Stopped(Ok(()))
            }
            Command::Look => {
                if !self.changes.is_empty() {
                    self.changes.remove(0)(&mut self.sight);
                }
                Input::Looked(Ok(self.sight))
            }
            Command::Probe => {
                self.probes += 1;
                Input::Probed((self.probe)(self.probes))
            }
            Command::Goodbye => Input::SaidGoodbye(self.goodbye.clone()),
            Command::Evict => {
                let closed = self.closes.min(self.sight.open);
                self.sight.open -= closed;
                Input::Evicted(Ok(closed))
            }
            Command::Wait(_) | Command::End => Input::Waited,
        }
    }

    fn run(&mut self) -> (Result<Withdrawn, WithdrawError>, Vec<ProgressKind>) {
        let mut machine = Machine::new(WithdrawSettings {
            stop_within: TICK * 20,
            leave_within: TICK * 20,
            evict_within: TICK * 20,
            every: TICK,
            quiet_looks: 2,
            ..WithdrawSettings::default()
        });
        let mut now = Duration::ZERO;
        let mut command = machine.start(now);
        let mut told = Vec::new();
        while command != Command::End {
            assert!(self.commands.len() < 500, "it goes on for ever: {:?}", self.commands);
            self.commands.push(command);
            let input = self.answer(command);
            now += TICK;
            command = machine.step(now, input);
            told.extend(machine.take_progress().into_iter().map(|progress| progress.what));
        }
        (machine.into_result(), told)
    }

    fn count(&self, command: Command) -> usize {
        self.commands.iter().filter(|known| **known == command).count()
    }
}

fn failed(result: Result<Withdrawn, WithdrawError>) -> (Vec<(Step, String)>, Withdrawn) {
    let error = result.unwrap_err();
    let failures = error.failures.iter();
    (failures.map(|f| (f.step, f.found.clone())).collect(), error.reached)
}

#[test]
fn who_leaves_is_not_closed() {
    let none_left: fn(&mut Sight) = |sight| sight.open = 0;
    let same: fn(&mut Sight) = |_| ();
    let mut world = World { changes: vec![same, same, same, none_left], ..World::default() };
    let (result, told) = world.run();
    let wait = Command::Wait(TICK);
    let expected = [
        Command::Stop,
        Command::Look,
        Command::Probe,
        Command::Look,
        Command::Goodbye,
        Command::Look,
        wait,
        Command::Look,
        wait,
        Command::Look,
    ];
    assert_eq!(world.commands, expected);
    let reached = result.unwrap();
    assert_eq!(reached.new_traffic, Some(TICK * 4));
    // The first of the quiet looks counts.
    assert_eq!(reached.residual, Some(TICK * 8));
    assert_eq!((reached.open_at_stop, reached.evicted), (3, 0));
    assert_eq!(told.last(), Some(&ProgressKind::Gone));
}

#[test]
fn who_stays_is_closed_after_the_time_to_leave() {
    let mut world = World { closes: 2, ..World::default() };
    let (result, told) = world.run();
    let reached = result.unwrap();
    assert_eq!((reached.open_at_stop, reached.evicted), (3, 3));
    assert_eq!(world.count(Command::Evict), 2);
    assert!(reached.residual.unwrap() >= TICK * 20);
    assert!(told.contains(&ProgressKind::Evicted { closed: 2 }));
}

#[test]
fn without_a_goodbye_nobody_is_waited_for() {
    let mut world = World { goodbye: Err(trouble("no answer")), ..World::default() };
    let reached = world.run().0.unwrap();
    assert_eq!(reached.goodbye_failed.as_deref(), Some("no answer"));
    assert!(reached.residual.unwrap() < TICK * 20, "{reached:?}");
    assert_eq!(reached.evicted, 3);
}

#[test]
fn an_order_is_given_again() {
    let mut world = World { deaf: 3, ..World::default() };
    let reached = world.run().0.unwrap();
    assert_eq!(world.count(Command::Stop), 4);
    assert!(reached.new_traffic.unwrap() > TICK * 4);
}

#[test]
fn a_router_that_does_not_obey_is_told_of_and_streams_are_closed_all_the_same() {
    let mut world = World { deaf: u32::MAX, ..World::default() };
    let (result, _) = world.run();
    let (failures, reached) = failed(result);
    assert_eq!(failures[0].0, Step::Stop);
    assert_eq!(failures[0].1, "the router reports a weight of 10 %");
    assert_eq!((reached.new_traffic, reached.evicted), (None, 3));
    // Nothing is proven while it has a weight.
    assert_eq!((failures[1].0, reached.residual), (Step::Prove, None));
}

#[test]
fn probes_that_fail_prove_nothing() {
    type Case = (fn(u32) -> Result<Vec<Arm>, Trouble>, &'static str);
    let cases: [Case; 3] = [
        (|_| Ok(Vec::new()), "no probe was sent"),
        (|_| Ok(vec![Arm::Stable, Arm::Canary]), "the canary answered 1 of 2 probes"),
        (|_| Err(trouble("refused")), "the probes failed: refused"),
    ];
    for (probe, expected) in cases {
        let mut world = World { probe, ..World::default() };
        let (result, _) = world.run();
        let (failures, reached) = failed(result);
        assert_eq!(failures, [(Step::Verify, expected.to_owned())]);
        // All the rest is done.
        assert_eq!((reached.new_traffic, reached.evicted), (None, 3));
        assert!(reached.residual.is_some());
    }
}

#[test]
fn a_probe_on_the_canary_is_sent_again() {
    let probe: fn(u32) -> _ = |probes| Ok(vec![if probes < 3 { Arm::Canary } else { Arm::Stable }]);
    let mut world = World { probe, ..World::default() };
    assert!(world.run().0.is_ok());
    assert_eq!(world.probes, 3);
}

#[test]
fn requests_between_two_looks_are_no_proof() {
    let more: fn(&mut Sight) = |sight| sight.requests += 1;
    let same: fn(&mut Sight) = |_| ();
    let mut world = World { changes: vec![same, more, same, same], ..World::default() };
    let reached = world.run().0.unwrap();
    assert_eq!(world.probes, 2);
    assert_eq!(reached.came_again, 0);
}

#[test]
fn what_comes_again_moves_the_first_clock() {
    let more: fn(&mut Sight) = |sight| sight.requests += 2;
    let same: fn(&mut Sight) = |_| ();
    let mut world = World { changes: vec![same, same, same, more], ..World::default() };
    let (result, told) = world.run();
    let reached = result.unwrap();
    assert_eq!((reached.came_again, reached.new_traffic), (2, Some(TICK * 8)));
    assert!(told.contains(&ProgressKind::CameAgain { requests: 2 }));
}

#[test]
fn a_router_that_starts_anew_is_no_new_traffic() {
    let anew: fn(&mut Sight) = |sight| {
        *sight = Sight { process: 2, weight: Weight::NONE, open: 0, requests: 0 };
    };
    let same: fn(&mut Sight) = |_| ();
    let mut world = World { changes: vec![same, same, same, anew], ..World::default() };
    let (result, told) = world.run();
    assert_eq!(result.unwrap().came_again, 0);
    let is_told = |what: &ProgressKind| matches!(what, ProgressKind::Trouble { .. });
    assert!(told.iter().any(is_told));
}

#[test]
fn streams_that_can_not_be_closed_are_told_of() {
    let mut world = World { closes: 0, ..World::default() };
    let (result, _) = world.run();
    let error = result.unwrap_err();
    assert!(error.to_string().contains("3 are open on it; stop the canary's replicas"), "{error}");
    assert_eq!(error.failures[0].step, Step::Evict);
    assert!(error.reached.new_traffic.is_some());
}

#[test]
fn a_canary_of_somebody_else_is_left_alone() {
    let mut machine = Machine::new(WithdrawSettings::default());
    assert_eq!(machine.start(TICK), Command::Stop);
    let fenced = Trouble { text: "it is another's".to_owned(), is_fenced: true };
    assert_eq!(machine.step(TICK, Input::Stopped(Err(fenced))), Command::End);
    assert_eq!(machine.into_result().unwrap_err().failures[0].found, "it is another's");
}
