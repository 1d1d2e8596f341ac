//! Medians and ratios.

use super::*;

fn figures(values: &[(Figure, f64)]) -> Figures {
    let mut figures = Figures::default();
    values.iter().for_each(|(figure, value)| figures.set(*figure, *value));
    figures
}

#[test]
fn the_median_is_the_middle() {
    let check = |values: &[f64], expected| assert_eq!(median(values.to_vec()), expected);
    check(&[], None);
    check(&[3.0], Some(3.0));
    check(&[9.0, 1.0, 2.0], Some(2.0));
    check(&[4.0, 1.0, 2.0, 100.0], Some(3.0));
}

#[test]
fn each_figure_has_its_own_median() {
    let a = figures(&[(Figure::Seconds, 1.0), (Figure::LatencyP50Ms, 5.0)]);
    let b = figures(&[(Figure::Seconds, 3.0)]);
    let c = figures(&[(Figure::Seconds, 2.0), (Figure::LatencyP50Ms, 7.0)]);
    let medians = Figures::medians([&a, &b, &c].into_iter());
    assert_eq!(medians, figures(&[(Figure::Seconds, 2.0), (Figure::LatencyP50Ms, 6.0)]));
}

#[test]
fn ratios_are_of_what_both_have() {
    let ours = figures(&[(Figure::DeliveriesPerCpuSecond, 150.0), (Figure::LatencyP50Ms, 5.0)]);
    let floor = figures(&[(Figure::DeliveriesPerCpuSecond, 200.0), (Figure::Seconds, 1.0)]);
    assert_eq!(ours.ratios(&floor), figures(&[(Figure::DeliveriesPerCpuSecond, 0.75)]));
    let none = figures(&[(Figure::DeliveriesPerCpuSecond, 0.0)]);
    assert_eq!(ours.ratios(&none), Figures::default());
}
