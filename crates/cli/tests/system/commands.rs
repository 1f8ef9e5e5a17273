//! The commands that only read: what they print, for people and for machines, and what they exit
//! with.

use serde_json::Value;

use crate::stage::{
    admin::documents,
    process::{Finished, Folder, portcullis},
};

#[test]
fn check_passes_the_quickstart_and_lists_what_is_not_read() {
    let good = run(&["check", "examples/quickstart"], 0);
    assert!(good.stdout.contains("ok: "), "{}", good.stdout);
    assert!(good.stdout.contains("0 errors"), "{}", good.stdout);
    // With its private Gateway, which lacks what HTTPS needs.
    let platform = run(&["check", "examples/platform"], 1);
    for part in ["Certificate", "NetworkPolicy", "Ingress", "tls.certificateRefs is missing"] {
        assert!(platform.stdout.contains(part), "{part} in:\n{}", platform.stdout);
    }
}

#[test]
fn check_fails_for_people_and_for_machines() {
    let folder = Folder::with("bad.yaml", BAD);
    let path = folder.path().to_string_lossy().into_owned();
    let table = run(&["check", &path], 1);
    for part in ["bad.yaml:5:3", "hostnmaes", "hostnames", "1 error"] {
        assert!(table.stdout.contains(part), "{part} in:\n{}", table.stdout);
    }
    let machine = run(&["check", &path, "--output", "json"], 1);
    let json: Value = serde_json::from_str(&machine.stdout).expect("JSON");
    let problem = &json["problems"][0];
    assert_eq!(problem["severity"], "error", "{json}");
    assert!(problem["place"].as_str().is_some_and(|it| it.ends_with("bad.yaml:5:3")), "{json}");
    assert!(problem["object"].as_str().is_some_and(|it| it.contains("HTTPRoute")), "{json}");
    let good = run(&["check", "examples/quickstart", "-o", "json"], 0);
    let json: Value = serde_json::from_str(&good.stdout).expect("JSON");
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(0), "{json}");
}

#[test]
fn translate_prints_yaml_of_both_kinds() {
    let status = run(&["translate", "examples/quickstart", "--to", "status"], 0);
    let objects = documents(&status.stdout);
    let gateway = objects.iter().find(|object| object["kind"] == "Gateway").expect("a Gateway");
    assert_eq!(gateway["metadata"]["name"], "web");
    assert!(gateway["status"]["conditions"].is_array(), "{gateway}");
    let ir = run(&["translate", "examples/quickstart", "--to", "ir"], 0);
    assert!(!documents(&ir.stdout).is_empty());
    for part in ["default/web/http", "HTTPRoute/default/shop", "default/cart/80"] {
        assert!(ir.stdout.contains(part), "{part} in:\n{}", ir.stdout);
    }
    for secret in ["PRIVATE KEY", "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"] {
        assert!(!ir.stdout.contains(secret), "keys do not print");
    }
}

#[test]
fn explain_tells_the_winner_and_why_others_lost() {
    let url = "http://shop.example.com:8080/cart/items";
    let text = run(&["explain", "examples/quickstart", "GET", url], 0).stdout;
    for part in ["default/web", "http", "HTTPRoute/default/shop", "/cart", "default/cart"] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    let canary = "http://api.example.com:8080/v1/users";
    let header = ["-H", "X-Canary: always"];
    let text = run(&[&["explain", "examples/quickstart", "GET", canary], &header[..]].concat(), 0);
    assert!(text.stdout.contains("default/api-canary"), "{}", text.stdout);
    let json = run(&["explain", "examples/quickstart", "GET", url, "--output", "json"], 0).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert!(json.is_object(), "{json}");
}

#[test]
fn help_shows_examples() {
    let help = run(&["--help"], 0).stdout;
    for part in ["portcullis run examples/quickstart --echo", "Usage: portcullis <COMMAND>"] {
        assert!(help.contains(part), "{part} in:\n{help}");
    }
    for command in ["run", "proxy", "check", "translate", "explain", "completions"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in:\n{help}");
        let help = run(&[command, "--help"], 0).stdout;
        let (usage, examples) = help.split_once("Examples:\n").unwrap_or_default();
        assert!(usage.contains(&format!("Usage: portcullis {command}")), "{help}");
        assert!(examples.contains(&format!("portcullis {command} ")), "{help}");
    }
}

#[test]
fn completions_are_scripts() {
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef portcullis"),
        ("fish", "complete -c portcullis"),
    ] {
        let script = run(&["completions", shell], 0).stdout;
        assert!(script.contains(part), "{part} for {shell}");
        assert!(script.contains("port-offset"), "flags for {shell}");
    }
}

#[test]
fn wrong_command_lines_are_refused() {
    let cases: [(&[&str], i32, &str); 6] = [
        (&[], 2, "Usage: portcullis"),
        (&["rnu"], 2, "rnu"),
        (&["run"], 2, "PATH"),
        (&["run", "examples/quickstart", "--admin", "nowhere"], 2, "ADDRESS:PORT"),
        (&["run", "no/such/folder"], 1, "no/such/folder"),
        (&["explain", "examples/quickstart", "GET", "not a url"], 1, "URL"),
    ];
    for (args, code, part) in cases {
        let finished = portcullis(args);
        assert_eq!(finished.code, Some(code), "{args:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(part), "{part} in:\n{}", finished.stderr);
        assert_eq!(finished.stdout, "", "{args:?}");
    }
}

/// Runs to an expected exit code; what a pipe gets is plain.
fn run(args: &[&str], code: i32) -> Finished {
    let finished = portcullis(args);
    let Finished { stdout, stderr, .. } = &finished;
    assert_eq!(finished.code, Some(code), "{args:?}:\n{stdout}\n{stderr}");
    assert!(!stdout.contains('\x1b') && !stderr.contains('\x1b'), "{stdout}\n{stderr}");
    finished
}

const BAD: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec:
  hostnmaes: [app.example.com]
  rules: [{backendRefs: [{name: app, port: 80}]}]
";
