//! What a filter decides about a request: go on, or this answer at once.

use crate::Head;

/// What happens next to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    Continue,
    /// It is answered here; no backend sees it.
    Answer(Answer),
}

/// A response without a body that the gateway gives by itself.
///
/// Redirects and failures still pass through [`crate::Plan::on_response`]; preflights and slashes
/// are complete as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The fields, without framing.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// Which decision it is, for logs and metrics.
    pub cause: Cause,
}

/// Why the gateway answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A CORS preflight, allowed or not.
    Preflight,
    /// A redirect filter.
    Redirect,
    /// The path held an escaped slash: back to the client with the unescaped form.
    EscapedSlash,
    /// A filter that cannot be done.
    Failure(ir::Failure),
}

impl Answer {
    /// Writes status and fields into an empty response head.
    pub fn write(&self, head: &mut Head) {
        head.status = self.status;
        for (name, value) in &self.headers {
            head.append(name.as_bytes(), value);
        }
    }

    /// The value of a field.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}
