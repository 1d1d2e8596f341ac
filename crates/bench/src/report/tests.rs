//! What people and machines are shown.

use super::*;
use crate::{
    args::{FanoutWork, Rate, ServerName, Transport},
    report::text::number,
};

fn sample(per_cpu_second: f64, p50: f64, faults: Faults) -> Sample {
    let mut figures = Figures::default();
    figures.set(Figure::DeliveriesPerCpuSecond, per_cpu_second);
    figures.set(Figure::LatencyP50Ms, p50);
    let mut times_us = histogram();
    times_us.record((p50 * 1000.0) as u64).unwrap();
    let generator = Generator { busy_share_max: 0.25, ..Generator::default() };
    Sample { figures, faults, generator: generator.judged(), problems: Vec::new(), times_us }
}

fn plan() -> Plan {
    let work = FanoutWork {
        readers: 1000,
        streams: 1,
        rate: Rate::PerSecond(20),
        seconds: 10,
        window: 2000,
        list: 100,
    };
    let common = crate::args::CommonArgs {
        server: vec![ServerName::Tidegate, ServerName::Floor, ServerName::Pushpin],
        custom: None,
        repeat: 3,
        transport: Transport::Sse,
        payload_bytes: 100,
        threads: None,
        connections_per_address: 20_000,
        svg: None,
    };
    Plan { work: Work::Fanout(work), common, cores: 2 }
}

fn servers(faults: Faults) -> Vec<Measured> {
    let clean = Faults::default();
    let ours = [(160_000.0, 0.5, clean), (150_000.0, 0.7, faults), (140_000.0, 0.6, clean)];
    let floor = [(200_000.0, 0.3, clean); 3];
    let samples =
        |of: &[(f64, f64, Faults)]| of.iter().map(|(a, b, c)| sample(*a, *b, *c)).collect();
    vec![
        Measured { name: "tidegate".into(), samples: samples(&ours), ..Measured::default() },
        Measured { name: "floor".into(), samples: samples(&floor), ..Measured::default() },
        Measured { name: "pushpin".into(), not_offered: Some("so"), ..Measured::default() },
    ]
}

#[test]
fn the_text_is_as_people_read_it() {
    let plan = plan();
    let faults = Faults { lost: 2, ..Faults::default() };
    let mut report = Report { plan: &plan, kernel: String::new(), servers: servers(faults) };
    report.servers[1].samples[0].generator =
        Generator { busy_share_max: 0.97, machine_idle_share: 0.2, ..Generator::default() }
            .judged();
    let expected = "\
fanout: 1000 readers of one stream, 20 events/s, 10 s, SSE, 100-byte payloads, medians of 3

                            deliveries       p50
                                /CPU-s        ms
tidegate                       150,000      0.60
floor                          200,000      0.30
pushpin                     not offered: so

tidegate : floor                  0.75      2.00

generator with tidegate: busiest thread 25 %, 0.00 cores, a turn 0.0 ms (p99); server 0.00 cores, \
others 0.00 cores, idle 0 %
generator with floor: busiest thread 97 %, 0.00 cores, a turn 0.0 ms (p99); server 0.00 cores, \
others 0.00 cores, idle 20 %
the generator was the limit: floor, in 1 of 3: its busiest thread did not wait for 97 % of the time \
while 20 % of the machine was idle
FAILED tidegate: 2 events lost
";
    assert_eq!(report.to_string(), expected, "{report}");
}

#[test]
fn the_document_holds_everything() {
    let plan = plan();
    let report = Report { plan: &plan, kernel: "k".into(), servers: servers(Faults::default()) };
    let document = report.document();
    assert_eq!(document["plan"]["work"], "fanout");
    assert_eq!(document["plan"]["rate"], "20");
    assert_eq!(document["servers"][0]["median"]["deliveries_per_cpu_second"], 150_000.0);
    assert_eq!(document["servers"][0]["repeats"].as_array().unwrap().len(), 3);
    assert_eq!(document["servers"][2]["not_offered"], "so");
    assert_eq!(document["ratios"][0]["figures"]["deliveries_per_cpu_second"], 0.75);
    assert_eq!(document["generator"]["limited"], false);
    assert_eq!(document["passed"], true);
}

#[test]
fn what_measured_nothing_has_not_passed() {
    let plan = plan();
    let mut servers = servers(Faults::default());
    servers.retain(|server| server.not_offered.is_some());
    let report = Report { plan: &plan, kernel: "k".into(), servers };
    assert_eq!(report.document()["passed"], false);
    assert!(report.to_string().contains("FAILED nothing was measured"), "{report}");
}

#[test]
fn numbers_have_the_digits_that_matter() {
    let check = |value: f64, text: &str| assert_eq!(number(value), text);
    check(0.0, "0.00");
    check(9.994, "9.99");
    check(12.34, "12.3");
    check(999.0, "999.0");
    check(1000.0, "1,000");
    check(1_234_567.0, "1,234,567");
    check(-12_345.0, "-12,345");
}
