//! The map room: what a snapshot says, compiled so that a request finds its rule at once.
//!
//! [`Table::compile`] turns an [`ir::Snapshot`] into tables that share every unchanged part with
//! their predecessor. A request then goes through [`path::normalise`], [`BindTable::listener`],
//! [`ListenerTable::route`], and its [`Plan`] says what happens to it. [`naive`] spells the same
//! precedence out as one sort over everything, and the two are held equal; [`explain`] says why.
//!
//! Absent on purpose: sockets, async, clocks, randomness, locks, and the state of a running proxy
//! (endpoints, pools, cursors, certificates). Nothing here fails on what the translation accepted,
//! nothing panics on what a client sent, and finding a rule allocates nothing: the one exception
//! is a regex on a header that came in several fields, or on a parameter that came encoded.

mod answer;
mod backends;
mod compile;
pub mod explain;
mod filter;
pub mod head;
mod host;
pub mod naive;
pub mod path;
mod paths;
mod pattern;
mod plan;
mod precedence;
#[cfg(test)]
mod sample;
mod shards;
mod split;
mod table;
mod texts;

pub use answer::{Answer, Cause, Step};
pub use backends::{BackendEntry, BackendSlot, Backends};
pub use head::Head;
pub use plan::{MirrorPlan, Plan, Prefix, RequestContext, Share, origin};
pub use table::{BindTable, ListenerTable, Matched, Table};
