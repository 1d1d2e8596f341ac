//! Guards: what is written of them is one notation, and names something.

use runbook::{Options, lint, plan};

const DOCUMENT: &str = "---
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
   requests_per_second = 20
   connections = 400
   ```

## Back <!-- run: section rollback -->

1. Set `MODE=old`. <!-- run: flag id=R1 -->

";

fn faults(guard: &str) -> Vec<String> {
    let text = format!("{DOCUMENT}```toml guard\n{guard}\n```\n");
    let problems = lint(&text, &Options::default());
    let rate = plan(&text, &Options::default()).plan;
    assert_eq!(rate.is_some(), !problems.iter().any(|problem| problem.is_fault()));
    problems.iter().filter(|problem| problem.is_fault()).map(ToString::to_string).collect()
}

#[test]
fn a_rate_of_errors_is_a_share_and_one_of_breaks_is_none() {
    let errors =
        "id = 'g'\nmeasure = 'errors'\nsource = 's'\nwatch = 'S1'\nratio = 4.0\nstable_rate = ";
    let disconnects = errors.replace("errors", "disconnects");
    let told = |rate: &str| faults(&format!("{errors}{rate}"));
    assert_eq!(told("'0.5%'"), [""; 0]);
    assert_eq!(
        told("0.005"),
        ["line 26: `stable_rate` of the guard g: `0.005` could mean 0.005 % or 0.5 %; a share is \
          written with its sign, as 20%"]
    );
    assert_eq!(
        told("5"),
        ["line 26: `stable_rate` of the guard g: is a share, written with its sign: \"5%\""]
    );
    assert_eq!(told("'101%'"), ["line 32: a share is written as 0% to 100%"]);
    assert_eq!(faults(&format!("{disconnects}0.0005")), [""; 0]);
    assert_eq!(
        faults(&format!("{disconnects}'0.05%'")),
        ["line 26: `stable_rate` of the guard g: is a number of breaks for each second of a \
          connection, and no share"]
    );
    assert_eq!(
        faults(&format!("{disconnects}1e300")),
        ["line 26: `stable_rate` of the guard g: is 1e300, which can't be"]
    );
}

#[test]
fn what_is_empty_or_never_is_no_guard() {
    for (guard, told) in [
        ("id = 'g'\nmeasure = 'zero'\nsource = ' '\nwhat = 'x'", "the guard g has no `source`"),
        ("id = 'g'\nmeasure = 'zero'\nsource = 's'\nwhat = ''", "the guard g has no `what`"),
        ("id = ''\nmeasure = 'zero'\nsource = 's'\nwhat = 'x'", "the guard  has no `id`"),
        (
            "id = 'g'\nmeasure = 'down'\nsource = 's'\nwithin = '0s'",
            "the guard g looks for nothing `within` 0s",
        ),
        (
            "id = 'g'\nmeasure = 'restarts'\nsource = 's'\nrestarts = 3\nwithin = '0s'",
            "the guard g looks for nothing `within` 0s",
        ),
    ] {
        assert_eq!(faults(guard), [format!("line 26: {told}")]);
    }
}
