//! No test binds or dials a fixed port.
//!
//! Two runs on one machine would meet there. Bind port 0 and ask for the address. The rule sees
//! addresses written on the line of the call; a test that needs a port that nobody answers on says
//! so with `// tidy: allow port: <reason>`.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust() {
        for ((at, code), (_, line)) in source.code_lines().zip(file.lines()) {
            let dials = CALLS.iter().any(|call| code.contains(call));
            if dials && fixed_port(line) && source.is_test(at) && !source.allows(at, "port") {
                let message = "a fixed port in a test: bind port 0 and ask for the address, or \
                               say why with `// tidy: allow port: <reason>`";
                findings.push(Finding::at(&file.path, at, message));
            }
        }
    }
    findings
}

const CALLS: &[&str] = &["bind(", "connect(", "connect_timeout("];

/// What stands before the port in a written address, and in one built from parts.
const BEFORE_PORT: &[&str] =
    &["127.0.0.1:", "0.0.0.0:", "localhost:", "[::1]:", "[::]:", "1], ", "0], ", "LOCALHOST, "];

fn fixed_port(line: &str) -> bool {
    let ports = BEFORE_PORT.iter().flat_map(|before| {
        line.match_indices(before).map(|(at, _)| {
            let rest = &line[at + before.len()..];
            &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]
        })
    });
    let mut ports = ports.filter(|digits| !digits.is_empty());
    ports.any(|digits| digits.parse() != Ok(0u32))
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn a_written_port_is_found_at_the_call() {
        let text = "let a = TcpListener::bind(\"127.0.0.1:0\");\n\
                    let b = TcpListener::bind(\"127.0.0.1:8080\");\n\
                    let c = TcpStream::connect((\"localhost\", port));\n\
                    let d = TcpStream::connect(\"[::1]:443\");\n\
                    let e = parse(\"127.0.0.1:8080\");\n\
                    let f = bind(SocketAddr::from(([127, 0, 0, 1], 9000)));\n\
                    let g = bind(SocketAddr::from(([127, 0, 0, 1], 0)));\n\
                    // nobody: tidy: allow port: discard is closed here\n\
                    let h = connect(\"127.0.0.1:9\");\n";
        let tree = Tree::sample(&[("a/src/b.rs", text), ("a/tests/b.rs", text)]);
        let expected = [("a/tests/b.rs", 2), ("a/tests/b.rs", 4), ("a/tests/b.rs", 6)];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
