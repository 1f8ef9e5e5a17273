//! From one state to every proxy: what changed, for those whom it concerns.

pub mod admission;
pub mod authority;
pub mod hub;
mod scope;
pub mod server;
