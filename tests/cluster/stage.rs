//! Clients that never try again: those of the tests of the whole program.

#[path = "../../crates/cli/tests/stage/answer.rs"]
pub(crate) mod answer;
#[path = "../../crates/cli/tests/stage/certificate.rs"]
pub(crate) mod certificate;
#[path = "../../crates/cli/tests/stage/http1.rs"]
pub(crate) mod http1;
#[path = "../../crates/cli/tests/stage/http2.rs"]
pub(crate) mod http2;
#[path = "../../crates/cli/tests/stage/tls.rs"]
pub(crate) mod tls;
#[path = "../../crates/cli/tests/stage/wait.rs"]
pub(crate) mod wait;
