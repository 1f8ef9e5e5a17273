//! The experimental kinds of the group `gateway.networking.x-k8s.io`.

pub mod backend;
pub mod backend_traffic_policy;
pub mod mesh;
pub mod telemetry_policy;
