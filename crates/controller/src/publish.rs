//! From one state to every proxy: what changed, for those whom it concerns.

pub mod hub;
mod scope;
