//! What a plan says of the guards over a ratio: what they see, and by which settings.

use runbook::{Options, lint, plan};
use serde_json::{Value, json};

fn document(traffic: &str, guard: &str) -> String {
    let indented = traffic.lines().map(|line| format!("   {}\n", line.trim()));
    let traffic: String = indented.collect();
    format!(
        "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
roles:
  operator: Ana Ruiz
---
# Title

## Steps <!-- run: section steps -->

1. Run the canary. <!-- run: traffic id=S1 -->

   ```toml traffic
   weight_percent = 10
   hold = \"30m\"
{traffic}   ```

## Back <!-- run: section rollback -->

1. Set `MODE=old`. <!-- run: flag id=R1 -->

```toml guard
id = 'g'
source = 's'
{guard}
```
"
    )
}

/// The guard as it stands in the plan.
fn planned(traffic: &str, guard: &str) -> Value {
    let planned = plan(&document(traffic, guard), &Options::default());
    let plan = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems));
    serde_json::to_value(&plan).unwrap()["guards"][0].clone()
}

fn errors(stable_rate: &str, more: &str) -> String {
    let watch = "measure = 'errors'\nwatch = 'S1'\nratio = 4.0";
    format!("{watch}\nstable_rate = '{stable_rate}'\n{more}")
}

#[test]
fn what_is_not_written_stands_in_the_plan() {
    let guard = planned("requests_per_second = 20", &errors("0.5%", ""));
    for (key, value) in [
        ("rate_min", json!(0.001)),
        ("exposure_min", json!(5)),
        ("again_after", json!("10m")),
        ("look", json!("1s")),
        ("silence", json!("1m")),
    ] {
        assert_eq!(guard[key], value, "{key}");
    }
    let written = "rate_min = '1%'\nexposure_min = 9\nagain_after = '5m'\nlook = '15s'\n\
                   silence = '2m'";
    let guard = planned("requests_per_second = 20", &errors("0.5%", written));
    assert_eq!((&guard["rate_min"], &guard["look"]), (&json!(0.01), &json!("15s")));
    let breaks = "measure = 'disconnects'\nwatch = 'S1'\nratio = 4.0\nstable_rate = 0.0005";
    let guard = planned("connections = 400", breaks);
    assert_eq!((&guard["rate_min"], &guard["again_after"]), (&json!(1e-5), &Value::Null));
    assert!(guard["sees"]["sentence"].as_str().unwrap().contains(" a connection-second) and "));
    let down = planned("", "measure = 'down'\nwithin = '1m'");
    assert_eq!((&down["silence"], &down["rate_min"]), (&json!("1m"), &Value::Null));
}

#[test]
fn settings_without_use_or_sense_are_faults() {
    let told = |guard: &str| {
        let problems = lint(&document("requests_per_second = 20", guard), &Options::default());
        let faults = problems.iter().filter(|problem| problem.is_fault());
        faults.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let down = "measure = 'down'\nwithin = '1m'\n";
    for (guard, expected) in [
        (format!("{down}again_after = '5m'"), "the guard g of `down` has no use for `again_after`"),
        (format!("{down}rate_min = '1%'"), "the guard g of `down` has no use for `rate_min`"),
        (format!("{down}silence = '0s'"), "are more than 0s"),
        (format!("{down}look = '5m'"), "the guard g looks less often than `silence` allows"),
        (errors("0.5%", "exposure_min = 0"), "`exposure_min` of the guard g is 1 or more"),
        (errors("0.5%", "rate_min = 0.01"), "is a share, written with its sign"),
    ] {
        assert!(told(&guard).contains(expected), "{guard}: {}", told(&guard));
    }
}

#[test]
fn few_clients_show_less() {
    let sees = |clients: &str| {
        let traffic = format!("requests_per_second = 20\n{clients}");
        let sees = planned(&traffic, &errors("0.5%", ""))["sees"].clone();
        (sees["is_enough"] == true, sees["ratio"].as_f64().unwrap_or(f64::INFINITY))
    };
    let (unknown, many, few) = (sees(""), sees("clients = 1000"), sees("clients = 20"));
    assert!(unknown.0 && many.0 && !few.0, "{unknown:?} {many:?} {few:?}");
    assert!(unknown.1 < many.1 && many.1 < few.1, "{unknown:?} {many:?} {few:?}");
}

#[test]
fn a_service_without_errors_can_be_guarded() {
    let sees = |rate_min: &str| {
        planned("requests_per_second = 50", &errors("0%", rate_min))["sees"].clone()
    };
    let one_percent = sees("rate_min = '1%'");
    assert_eq!(one_percent["is_enough"], true, "{one_percent}");
    let sentence = one_percent["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("sees a rate of 0."), "{sentence}");
    assert!(sentence.ends_with("passes 100 of 100 good canaries; 1.000 % matters"), "{sentence}");
    assert_eq!(sees("rate_min = '0%'")["is_enough"], false, "nothing can be compared");
}

/// What was said of little traffic before, that 10.7 times is seen, was not so.
#[test]
fn little_traffic_sees_and_passes_little() {
    let guard = planned("requests_per_second = 1\n   clients = 1000", &errors("0.5%", ""));
    let sees = &guard["sees"];
    assert_eq!(sees["is_enough"], false, "{sees}");
    assert!(sees["ratio"].as_f64().unwrap() > 11.0, "{sees}");
    assert!(sees["passes"].as_f64().unwrap() < 0.1, "{sees}");
}
