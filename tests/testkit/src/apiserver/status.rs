//! Answers that are refusals: `Status` objects with the code, reason and message of the real API server.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::managers::Conflict;

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub code: u16,
    pub body: Value,
}

/// What is wrong with a field.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub reason: &'static str,
    pub message: String,
    pub field: String,
}

impl Refusal {
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let (message, metadata) = (message.into(), json!({}));
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        });
        Self { code, body }
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        let mut details = json!({"kind": kind.plural});
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        self.body["details"] = details;
        self
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", kind.resource())).about(kind, name)
    }

    pub fn exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} {name:?} already exists", kind.resource())).about(kind, name)
    }

    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// A precondition of a deletion that does not hold. The details name the kind where others name its plural.
    pub fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let what = if kind.group.is_empty() { kind.name.clone() } else { format!("{}.{}", kind.name, kind.group) };
        let mut refusal = Self::conflict(kind, name, why);
        refusal.body["message"] = json!(format!("Operation cannot be fulfilled on {what} {name:?}: {why}"));
        refusal.body["details"]["kind"] = json!(kind.name);
        refusal
    }

    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let what = if name.is_empty() { kind.resource() } else { format!("{} {name:?}", kind.resource()) };
        Self::new(403, "Forbidden", format!("{what} is forbidden: {why}")).about(kind, name)
    }

    /// An error that the real one did not foresee: it has no reason.
    pub fn unforeseen(message: impl Into<String>) -> Self {
        let mut refusal = Self::new(500, "", message);
        refusal.body.as_object_mut().map(|fields| fields.remove("reason"));
        refusal
    }

    pub fn expired() -> Self {
        let why = "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
                   the continue parameter.";
        Self::new(410, "Expired", why)
    }

    pub fn applied_conflict(conflicts: &[Conflict]) -> Self {
        let message = match conflicts {
            [one] => format!("Apply failed with 1 conflict: conflict with {}: {}", one.manager, one.path),
            many => {
                let mut lines: Vec<String> = Vec::new();
                let mut last = "";
                for conflict in many {
                    if conflict.manager != last {
                        lines.push(format!("conflicts with {}:", conflict.manager));
                        last = &conflict.manager;
                    }
                    lines.push(format!("- {}", conflict.path));
                }
                format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
            }
        };
        let causes = conflicts.iter().map(|conflict| {
            let message = format!("conflict with {}", conflict.manager);
            json!({"reason": "FieldManagerConflict", "message": message, "field": conflict.path})
        });
        let mut refusal = Self::new(409, "Conflict", message);
        refusal.body["details"] = json!({"causes": causes.collect::<Vec<_>>()});
        refusal
    }

    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        // The same error twice is said once.
        let mut said: Vec<String> = Vec::new();
        for cause in causes {
            let text = format!("{}: {}", cause.place(), cause.message);
            if !said.contains(&text) {
                said.push(text);
            }
        }
        let said = if let [one] = said.as_slice() { one.clone() } else { format!("[{}]", said.join(", ")) };
        let what = if kind.group.is_empty() { kind.name.clone() } else { format!("{}.{}", kind.name, kind.group) };
        let mut refusal = Self::new(422, "Invalid", format!("{what} {name:?} is invalid: {said}")).about(kind, name);
        refusal.body["details"]["kind"] = json!(kind.name);
        let causes = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.place()}));
        refusal.body["details"]["causes"] = causes.collect();
        refusal
    }
}

impl Cause {
    pub fn new(reason: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: field.to_owned() }
    }

    fn place(&self) -> &str {
        if self.field.is_empty() { "<nil>" } else { &self.field }
    }

    /// A value that is not allowed, and why.
    pub fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"))
    }
}
