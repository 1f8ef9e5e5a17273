//! Every case of `fixtures/`: each request gets the decision that is written down, and each object
//! is told what it must be told. The manifests of `examples/` mean what their documents say.

use api::diagnostic::Severity;
use portcullis_tests::{Case, World, cases, decisions, load, manifests, root, statuses, worlds};
use translate::{Observations, Settings, translate};

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
fn the_quickstart_is_clean() {
    let (complaints, errors) = example("quickstart").unwrap();
    assert_eq!((complaints, errors), (Vec::new(), Vec::new()));
}

/// What `examples/platform/README.md` says about the thirteen together, and nothing else.
#[test]
fn the_platform_example_complains_of_what_its_document_names() {
    let (complaints, errors) = example("platform").unwrap();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("13-ingress-after.yaml"), "{complaints:?}");
    assert_eq!(errors, ["Gateway gateway-system/private-gateway", "HTTPRoute tenant/internal-app"]);
}

/// Complaints about the manifests, and objects with errors.
fn example(name: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let (resources, complaints) = load(&manifests(&root().join("examples").join(name))?);
    let output = translate(&resources, &Observations::all_open(), &Settings::default());
    let errors = output.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let mut objects: Vec<String> = errors.map(|error| error.object.to_string()).collect();
    objects.dedup();
    Ok((complaints, objects))
}

const SUITE_TESTS: usize = 86;
