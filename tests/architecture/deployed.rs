//! What is deployed says what the code says.

use contract::keys;

const TEMPLATE: &str = include_str!("../../infra/aws/template.yaml");

#[test]
fn the_template_for_aws_deletes_what_the_code_no_longer_needs_and_nothing_else() {
    let rules = TEMPLATE.split("LifecycleConfiguration:").nth(1).unwrap();
    let rules = rules.split("\n\n").next().unwrap();
    let mut deleted: Vec<(&str, i32)> = rules
        .split("- Id:")
        .filter_map(|rule| {
            let value = |name: &str| rule.lines().find_map(|line| line.trim().strip_prefix(name));
            // A rule whose days are a parameter deletes nothing unless a person sets it.
            Some((value("Prefix: ")?, value("ExpirationInDays: ")?.parse().ok()?))
        })
        .collect();
    let mut expected = keys::RETENTION.to_vec();
    deleted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(deleted, expected);
}
