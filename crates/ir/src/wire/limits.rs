//! How much each side of the stream may say. All of it in one place, because both sides have to
//! agree on it: what one says within these bounds, the other takes.
//!
//! A controller is believed more than a proxy: whoever may make pods in a Gateway's namespace can
//! be its proxy. The largest configuration that a proxy can greet with is 131,072 resources of one
//! Gateway, 100,000 and some room. A name of the translation is shorter than 700 bytes (namespace,
//! name and section of the longest object names) and usually below 100, so that an entry of a
//! greeting (kind, name, 16 bytes of hash, and some 15 bytes of protobuf) takes 140 bytes; 256 for
//! each of them is the bound on the whole.

/// The largest message of a controller, which one resource alone may fill.
pub const CONTROLLER_WORD_BYTES_MAX: usize = 16 << 20;
/// The largest message of a proxy: a part of a greeting, or an answer.
pub const PROXY_WORD_BYTES_MAX: usize = 2 << 20;
/// Resources that a proxy can say that it holds.
pub const HELD_MAX: usize = 1 << 17;
/// Resources that a proxy can say that it could not use.
pub const REJECTED_MAX: usize = 8192;
/// Binds that a proxy can say that it could not open; a Gateway seldom has a hundred.
pub const CLOSED_MAX: usize = 1024;
/// A reason or a message for people.
pub const REASON_BYTES_MAX: usize = 1024;
/// A name of a resource, a kind, an epoch, the name of a program.
pub const NAME_BYTES_MAX: usize = 1024;

/// What is cut into messages is cut at that size: small enough that none keeps a connection busy
/// for long.
pub(super) const PART_BYTES: usize = 1 << 20;
/// Some hundred times what 5,000 routes take.
pub(super) const STEP_BYTES_MAX: usize = 512 << 20;
/// All parts of a greeting.
pub(super) const HELLO_BYTES_MAX: usize = HELD_MAX * 256;
/// An answer is one message: this for each of its two lists. What is beyond that is left out.
pub(super) const ANSWERED_BYTES_MAX: usize = PROXY_WORD_BYTES_MAX / 2 - 1024;
