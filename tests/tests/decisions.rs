//! Every case of `fixtures/`: each request gets the decision that is written down, and each object
//! is told what it must be told. The manifests of `examples/` mean what their documents say.

use api::diagnostic::Severity;
use portcullis_tests::{Case, World, cases, decisions, example, statuses, table, worlds};

#[test]
fn every_request_gets_the_decision_that_is_written_down() {
    check(&cases().unwrap(), decisions);
}

#[test]
fn every_object_is_told_what_is_expected() {
    check(&cases().unwrap(), statuses);
}

fn check(cases: &[Case], compare: fn(&Case, &[World]) -> Result<Vec<String>, String>) {
    let mut differences = Vec::new();
    for case in cases {
        match worlds(case).and_then(|worlds| compare(case, &worlds)) {
            Ok(found) => differences.extend(found),
            Err(error) => differences.push(error),
        }
    }
    let number = differences.len();
    assert!(differences.is_empty(), "{number} differences\n{}", differences.join("\n"));
}

#[test]
fn the_suites_cases_are_complete_and_their_manifests_are_read_without_complaint() {
    let cases: Vec<Case> =
        cases().unwrap().into_iter().filter(|case| case.name.starts_with("conformance/")).collect();
    assert_eq!(cases.len(), SUITE_TESTS, "the Gateway and HTTPRoute tests of suite v1.7.0");
    for case in &cases {
        assert!(case.read("expect.yaml").unwrap().is_some(), "{case}: every test asserts a status");
        for (step, world) in (1..).zip(worlds(case).unwrap()) {
            assert!(world.complaints.is_empty(), "{case}, step {step}: {:?}", world.complaints);
        }
    }
}

#[test]
fn everything_that_is_translated_can_be_sent_to_a_proxy() {
    let mut resources = 0;
    for case in cases().unwrap() {
        for world in worlds(&case).unwrap() {
            for key in world.output.ir.keys() {
                let resource = world.output.ir.get(&key).unwrap();
                let payload = ir::wire::encode(&resource).payload;
                let read = ir::wire::decode(key.kind.as_str(), &payload);
                assert_eq!(read.as_ref(), Ok(&resource), "{case}: {key}");
                resources += 1;
            }
        }
    }
    assert!(resources > 1000, "{resources}");
}

#[test]
fn the_quickstart_is_clean_and_does_what_its_document_says() {
    let world = example("quickstart").unwrap();
    assert_eq!((&world.complaints, errors(&world)), (&Vec::new(), Vec::new()));
    let requests = include_str!("../examples/quickstart.yaml");
    assert_eq!(table("quickstart.yaml", requests, &[world]), Ok(Vec::new()));
}

#[test]
fn the_platform_example_complains_of_what_its_document_names_and_serves_the_rest() {
    let world = example("platform").unwrap();
    assert_eq!(world.complaints.len(), 1, "{:?}", world.complaints);
    assert!(world.complaints[0].contains("13-ingress-after.yaml"), "{:?}", world.complaints);
    let expected = ["Gateway gateway-system/private-gateway", "HTTPRoute tenant/internal-app"];
    assert_eq!(errors(&world), expected);
    let requests = include_str!("../examples/platform.yaml");
    assert_eq!(table("platform.yaml", requests, &[world]), Ok(Vec::new()));
}

/// The objects with errors.
fn errors(world: &World) -> Vec<String> {
    let errors = world.output.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let mut objects: Vec<String> = errors.map(|error| error.object.to_string()).collect();
    objects.dedup();
    objects
}

const SUITE_TESTS: usize = 86;
