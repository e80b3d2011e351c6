//! What the operator tells about itself: logs, metrics, health.

pub mod health;
pub mod logs;
pub mod metrics;
