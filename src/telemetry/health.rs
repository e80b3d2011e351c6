//! `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

/// What says whether the operator is ready: an empty list, or the names of what is pending.
pub type Pending = Arc<dyn Fn() -> Vec<&'static str> + Send + Sync>;

/// What gives the text of the metrics.
pub type Text = Arc<dyn Fn() -> Result<String, std::fmt::Error> + Send + Sync>;

/// Serves until the process ends.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, metrics: Text, pending: Pending) -> std::io::Result<()> {
    let ready = move || {
        let pending = pending();
        let code = if pending.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let text =
            if pending.is_empty() { "ready\n".to_owned() } else { format!("waiting for: {}\n", pending.join(", ")) };
        std::future::ready((code, text))
    };
    let shown = move || {
        std::future::ready(match metrics() {
            Ok(text) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([("content-type", kind)], text).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        })
    };
    let router = Router::new()
        .route("/livez", get(|| std::future::ready("alive\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(shown));
    axum::serve(listener, router).await
}
