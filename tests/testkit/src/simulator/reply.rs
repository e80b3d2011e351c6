//! What the platform answers: bodies, and the errors in the platform's own shape (platform contract, section 2).

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// The answer to one call.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Payload,
}

#[derive(Clone, Debug)]
pub(super) enum Payload {
    Empty,
    Json(Value),
    /// A body that need not be JSON, with its content type.
    Text(&'static str, String),
}

/// A refusal is a reply too; the name says which arm of a `Result` it sits in.
pub(super) type Answer = Result<Reply, Reply>;

impl Reply {
    pub(super) fn json(status: u16, body: Value) -> Reply {
        Reply { status, headers: Vec::new(), payload: Payload::Json(body) }
    }

    pub(super) fn ok(body: Value) -> Reply {
        Reply::json(200, body)
    }

    pub(super) fn created(body: Value) -> Reply {
        Reply::json(201, body)
    }

    pub(super) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), payload: Payload::Empty }
    }

    pub(super) fn html(status: u16) -> Reply {
        let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Reply { status, headers: Vec::new(), payload: Payload::Text("text/html", page) }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Reply {
        self.headers.push((name, value));
        self
    }

    /// An error of the gateway: a list of error objects, of which only the first is known.
    pub(super) fn error(status: u16, code: i64, message: &str, reason: &str) -> Reply {
        Reply::json(status, json!({"errors": [{"code": code, "message": message, "details": {"reason": reason}}]}))
    }

    /// An error of APIO core, the product in front of the gateway.
    pub(super) fn core_error(status: u16, text: &str) -> Reply {
        Reply::json(status, json!({"error": text}))
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let (kind, body) = match self.payload {
            Payload::Empty => (None, Body::empty()),
            Payload::Json(value) => (Some("application/json"), Body::from(value.to_string())),
            Payload::Text(kind, text) => (Some(kind), Body::from(text)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

// The codes 11 and 29 are documented; the others exist on the platform but are not known, so a client must not rely on these.

pub(super) fn already_exists(what: &str) -> Reply {
    Reply::error(400, 11, "ALREADY_EXISTS", &format!("{what} already exists"))
}

pub(super) fn not_empty(reason: &str) -> Reply {
    Reply::error(400, 29, "CAN_NOT_DELETE_NON_EMPTY", reason)
}

pub(super) fn invalid(reason: &str) -> Reply {
    Reply::error(400, 4001, "INVALID_VALUE", reason)
}

pub(super) fn unknown_domain(domain: &str, level: &str) -> Reply {
    Reply::error(400, 4002, "UNKNOWN_DOMAIN", &format!("domain {domain} is unknown at {level} level"))
}

pub(super) fn in_use(reason: &str) -> Reply {
    Reply::error(400, 4003, "IN_USE", reason)
}

pub(super) fn not_found(what: &str) -> Reply {
    Reply::error(404, 4040, "NOT_FOUND", &format!("{what} does not exist"))
}

pub(super) fn unknown_uri() -> Reply {
    Reply::error(404, 4041, "UNKNOWN_URI", "no such URI")
}

pub(super) fn unauthenticated(reason: &str) -> Reply {
    Reply::error(401, 4010, "UNAUTHENTICATED", reason)
}

pub(super) fn forbidden(reason: &str) -> Reply {
    Reply::error(403, 4030, "FORBIDDEN", reason)
}

/// The documented name of 416 is "Bad Media Type": a body that is not a JSON object, or is missing where one is due.
pub(super) fn not_an_object() -> Reply {
    Reply::error(416, 4160, "BAD_MEDIA_TYPE", "the body is not a JSON object")
}
