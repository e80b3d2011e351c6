//! Answers that say no: the platform's numeric code first, then the HTTP status (platform contract, 2). Never by text.

use std::time::Duration;

use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
use serde_json::Value;

use super::http::Reply;
use crate::engine::failure::{Cause, Failure};

/// Longest piece of the platform's words that is kept, in characters.
const WORDS: usize = 300;
/// Longest wait that is honoured.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The body of an answer that says yes.
///
/// # Errors
/// The failure that the answer stands for; `call` names it for the user.
pub fn accepted(reply: Reply, call: &str, write: bool) -> Result<Value, Failure> {
    match reply.status {
        207 => Err(Failure::new(Cause::Partial, format!("{call} was done in part only"))),
        200..=299 => match reply.body {
            Ok(body) => Ok(body),
            // Some writes are answered with nothing; with a page of a proxy nothing is known.
            Err(text) if write && text.trim().is_empty() => Ok(Value::Null),
            Err(text) => {
                Err(Failure::new(Cause::Unreadable, format!("{call} was answered with no JSON: {}", cut(&text))))
            }
        },
        status => {
            let cause = cause(status, reply.body.as_ref().ok().and_then(code), write);
            let message = format!("{call} was answered with {status}: {}", words(&reply.body));
            Err(Failure { cause, message, retry_after: reply.retry_after })
        }
    }
}

fn cause(status: u16, code: Option<i64>, write: bool) -> Cause {
    match (code, status) {
        (Some(11), _) | (_, 409) => Cause::AlreadyExists,
        (Some(29), _) => Cause::NotEmpty,
        (_, 401) => Cause::Unauthorized,
        (_, 403) => Cause::Forbidden,
        (_, 404) => Cause::NotFound,
        (_, 410) | (_, 300..=399) => Cause::WrongEndpoint,
        (_, 429) => Cause::RateLimited,
        (_, 503) => Cause::ServerError,
        (_, 500..) if write => Cause::Ambiguous,
        (_, 500..) => Cause::ServerError,
        _ => Cause::Rejected,
    }
}

/// Whether a login may be that of a restricted account, whose lists are filtered: whatever is not certainly another one (platform
/// contract, 1.2).
pub fn is_restricted(login: &Value) -> bool {
    let profile = login.get("profile").unwrap_or(&Value::Null);
    let access = profile.get("access_type").unwrap_or(&Value::Null);
    !(profile.is_object() || profile.is_null()) || !(access.is_null() || access.as_f64() == Some(0.0))
}

/// Whether the platform itself says that the object does not exist: a 404 in its own form. Any other 404 may come from a
/// proxy or a wrong path prefix.
pub fn says_absent(reply: &Reply) -> bool {
    reply.status == 404 && is_own(reply)
}

/// Whether a refusal is in the platform's own form: not the word of something in between.
pub fn is_own(reply: &Reply) -> bool {
    reply.body.as_ref().is_ok_and(|body| !entries(body).is_empty())
}

/// The error objects of a body, in the order of platform contract, 12, row 5.
fn entries(body: &Value) -> Vec<&Value> {
    if let Some(list) = body.get("errors").and_then(Value::as_array).or_else(|| body.as_array()) {
        return list.iter().filter(|entry| entry.is_object()).collect();
    }
    if body.get("details").is_some() || body.get("error").is_some() || body.get("code").is_some() {
        vec![body]
    } else {
        Vec::new()
    }
}

fn code(body: &Value) -> Option<i64> {
    entries(body).first()?.get("code")?.as_i64()
}

/// The platform's own words.
fn words(body: &Result<Value, String>) -> String {
    let body = match body {
        Ok(body) => body,
        Err(text) if text.trim().is_empty() => return "an empty body".to_owned(),
        Err(text) => return cut(text),
    };
    let Some(entry) = entries(body).into_iter().next() else { return cut(&body.to_string()) };
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Null) | None | Some(Value::String(_)) => None,
        Some(other) => Some(other.to_string()),
    };
    let details = entry.get("details");
    let said = [
        text(entry.get("message")),
        text(details.and_then(|details| details.get("reason"))),
        text(details.and_then(|details| details.pointer("/errors/0/summary"))),
        text(details.filter(|details| details.is_string())),
        text(entry.get("error")),
    ];
    let mut said: Vec<_> = said.into_iter().flatten().collect();
    if said.is_empty() {
        said.push(entry.to_string());
    }
    let code = entry.get("code").and_then(Value::as_i64).map_or_else(String::new, |code| format!(" (code {code})"));
    cut(&format!("{}{code}", said.join(": ")))
}

fn cut(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= WORDS { line } else { line.chars().take(WORDS).chain("...".chars()).collect() }
}

/// `Retry-After`: seconds or a date.
pub fn retry_after(value: &str) -> Option<Duration> {
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = rfc2822::parse(value.trim()).ok()?.timestamp();
            Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(status: u16, body: Value) -> Reply {
        Reply { status, body: Ok(body), listing: None, retry_after: None, restricted: false }
    }

    #[test]
    fn the_code_comes_before_the_status() {
        let body = |code| json!({"errors": [{"code": code, "message": "X"}]});
        for (status, code, expected) in [
            (400, 11, Cause::AlreadyExists),
            (400, 29, Cause::NotEmpty),
            (400, 77, Cause::Rejected),
            (500, 29, Cause::NotEmpty),
        ] {
            assert_eq!(accepted(reply(status, body(code)), "c", true).unwrap_err().cause, expected);
        }
    }

    #[test]
    fn the_result_of_a_write_that_broke_is_unknown() {
        for status in [500, 502, 504] {
            assert_eq!(accepted(reply(status, json!({})), "c", true).unwrap_err().cause, Cause::Ambiguous);
            assert_eq!(accepted(reply(status, json!({})), "c", false).unwrap_err().cause, Cause::ServerError);
        }
        assert_eq!(accepted(reply(503, json!({})), "c", true).unwrap_err().cause, Cause::ServerError);
    }

    #[test]
    fn a_write_may_be_answered_with_nothing_but_not_with_a_page() {
        let said = |text: &str, write| {
            let reply =
                Reply { status: 200, body: Err(text.into()), listing: None, retry_after: None, restricted: false };
            accepted(reply, "c", write).map_err(|failure| failure.cause)
        };
        assert_eq!(said("", true), Ok(Value::Null));
        for (text, write) in [("<html>", true), ("{\"groupId\": \"H", true), ("<html>", false), ("", false)] {
            assert_eq!(said(text, write), Err(Cause::Unreadable), "{text}");
        }
    }

    #[test]
    fn the_platforms_words_are_kept_in_every_form() {
        for (body, expected) in [
            (json!({"errors": [{"code": 29, "message": "M", "details": {"reason": "R"}}]}), "M: R (code 29)"),
            (json!([{"code": 5, "message": "M"}]), "M (code 5)"),
            (json!({"details": "D"}), "D"),
            (json!({"error": "E"}), "E"),
            (json!({"errors": [{"message": "M", "details": {"errors": {"0": {"summary": "S"}}}}]}), "M: S"),
        ] {
            assert_eq!(words(&Ok(body)), expected);
        }
        assert_eq!(words(&Err("<html>\n  down</html>".into())), "<html> down</html>");
        assert_eq!(words(&Err(String::new())), "an empty body");
    }

    #[test]
    fn only_a_404_in_the_platforms_form_says_absent() {
        assert!(says_absent(&reply(404, json!({"errors": [{"code": 1}]}))));
        assert!(says_absent(&reply(404, json!({"error": "no such group"}))));
        assert!(!says_absent(&reply(404, json!({}))));
        assert!(!says_absent(&Reply {
            status: 404,
            body: Err("<html>".into()),
            listing: None,
            retry_after: None,
            restricted: false
        }));
    }

    #[test]
    fn an_account_that_is_not_certainly_unrestricted_is_restricted() {
        for (login, expected) in [
            (json!({}), false),
            (json!({"profile": null}), false),
            (json!({"profile": {"user_level": 16}}), false),
            (json!({"profile": {"access_type": null}}), false),
            (json!({"profile": {"access_type": 0}}), false),
            (json!({"profile": {"access_type": 1}}), true),
            (json!({"profile": {"access_type": 1.0}}), true),
            (json!({"profile": {"access_type": "1"}}), true),
            (json!({"profile": {"access_type": "reseller"}}), true),
            (json!({"profile": {"access_type": [1]}}), true),
            (json!({"profile": {"access_type": true}}), true),
            (json!({"profile": [{"access_type": 1}]}), true),
        ] {
            assert_eq!(is_restricted(&login), expected, "{login}");
        }
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date_and_has_a_limit() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("999999"), Some(LONGEST_WAIT));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }
}
