//! The language of users: objects of Kubernetes and the Gateway API, how manifests become objects,
//! and what an API server would refuse.
//!
//! Deliberately absent: I/O (text comes in, values go out), async, clocks (times are what manifests
//! and callers say), client code (a provider fills [`resources::Resources`]), and every decision
//! about traffic, which is `translate`'s.
//!
//! - The types are hand-written and named as in the Go API of Gateway API v1.7.0, all channels.
//!   Members stand in the order in which Kubernetes prints them. Older served versions read into
//!   the same types. Defaults of the upstream schema are filled in on decoding.
//! - An enum that newer releases may extend has a variant `Other` that keeps the raw string.

pub mod backend_tls_policy;
pub mod condition;
pub mod core;
pub mod diagnostic;
pub mod duration;
pub mod envoy_proxy;
pub mod experimental;
pub mod filter;
pub mod gateway;
pub mod gateway_class;
pub mod grpc_route;
pub mod http_route;
pub mod kind;
pub mod l4_route;
pub mod limits;
pub mod listener;
pub mod listener_set;
pub mod manifest;
pub mod meta;
pub mod names;
pub mod object;
pub mod path;
pub mod policy;
pub mod reference;
pub mod reference_grant;
pub mod resources;
pub mod route;
pub mod tls_route;
pub mod validate;
