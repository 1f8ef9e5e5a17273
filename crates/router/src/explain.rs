//! Why a request goes where it goes.

pub use crate::precedence::Because;
