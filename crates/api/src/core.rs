//! The kinds of Kubernetes itself that routes and Gateways refer to.

pub mod config_map;
pub mod endpoint_slice;
pub mod namespace;
pub mod secret;
pub mod service;
