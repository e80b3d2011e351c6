//! Answers that say no: the platform's numeric code first, then the HTTP status (platform contract, 2). Never by text.

use std::time::Duration;

use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
use serde_json::Value;

use super::http::{Mode, Reply};
use crate::{
    api::text::shortened,
    engine::failure::{Cause, Failure, Speaker},
};

/// Longest piece of the platform's words that is kept, in characters.
const WORDS: usize = 300;

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
                let message = format!("{call} was answered with no JSON: {}", cut(&text));
                // What begins as JSON may be the platform's own, cut off or with a text that is none.
                let is_page = !text.trim_start().starts_with(['{', '[']);
                let speaker = if is_page { Speaker::Between } else { Speaker::Operator };
                Err(Failure { speaker, ..Failure::new(Cause::Unreadable, message) })
            }
        },
        status => {
            let cause = cause(status, reply.body.as_ref().ok().filter(|_| is_own(&reply)), write);
            let message = format!("{call} was answered with {status}: {}", words(&reply.body));
            let speaker = if is_own(&reply) { Speaker::Platform } else { Speaker::Between };
            Err(Failure { cause, message, retry_after: reply.retry_after, speaker, in_outage: false })
        }
    }
}

/// What a refusal means; `own` is its body, if that is in the platform's own form.
fn cause(status: u16, own: Option<&Value>, write: bool) -> Cause {
    // Who refused something else than the platform does not know whether the platform did it.
    let unclear = |of_a_look: Cause| if write { Cause::Ambiguous } else { of_a_look };
    match (own.and_then(code), status) {
        (Some(11), _) => Cause::AlreadyExists,
        (Some(29), _) => Cause::NotEmpty,
        // The form of the platform's 401 is not documented, and who is told to wait was not let through.
        (_, 401) => Cause::Unauthorized,
        (_, 429) => Cause::RateLimited,
        // Whoever says it: of this moment, not of what was asked.
        (_, 408 | 421 | 423 | 425 | 426 | 451 | 499) => unclear(Cause::ServerError),
        // APIO core, like any proxy, does not know what the gateway behind it has done.
        (_, 503) if own.is_some_and(is_of_gateway) => Cause::ServerError,
        (_, 500..) => unclear(Cause::ServerError),
        (_, 404) if own.is_some() || !write => Cause::NotFound,
        (_, 410 | 300..=399) if own.is_some() || !write => Cause::WrongEndpoint,
        _ if own.is_none() => unclear(Cause::Unreadable),
        (_, 403) => Cause::Forbidden,
        (_, 409) => Cause::AlreadyExists,
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

/// Whether the platform itself says that the object does not exist: a 404 in the gateway's own form. Any other 404 may come from
/// a proxy, a framework or a wrong path prefix; one of APIO core is about its own routes.
pub fn says_absent(reply: &Reply) -> bool {
    reply.status == 404 && reply.body.as_ref().is_ok_and(is_of_gateway)
}

/// Whether a refusal is in the platform's own form: not the word of something in between. The form of APIO core is that of
/// many a proxy, so it counts only where core is asked.
pub fn is_own(reply: &Reply) -> bool {
    let is_of_core = |body: &Value| {
        let text = body.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("error"));
        reply.mode == Mode::Core && text.is_some_and(Value::is_string)
    };
    reply.body.as_ref().is_ok_and(|body| is_of_gateway(body) || is_of_core(body))
}

/// A list of errors with a numeric code each, or one with `details` (platform contract, 2). Frameworks have lists without such
/// codes, a list as `details`, and a status, a path or a time beside their words.
fn is_of_gateway(body: &Value) -> bool {
    let is_error = |entry: &Value| entry.get("code").is_some_and(Value::is_i64);
    let are_errors = |list: &[Value]| !list.is_empty() && list.iter().all(is_error);
    match body {
        Value::Array(list) => are_errors(list),
        Value::Object(map) => match (map.get("errors"), map.get("details")) {
            (Some(list), _) => list.as_array().is_some_and(|list| are_errors(list)),
            (None, Some(details)) => {
                let known = map.keys().all(|key| ["code", "message", "details"].contains(&key.as_str()));
                let is_told = details.is_object() || details.as_str().is_some_and(|text| !text.is_empty());
                known && is_told && map.get("code").is_none_or(Value::is_i64)
            }
            (None, None) => false,
        },
        _ => false,
    }
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
pub fn words(body: &Result<Value, String>) -> String {
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
    shortened(&text.split_whitespace().collect::<Vec<_>>().join(" "), WORDS)
}

/// `Retry-After`: seconds, or a date from `now` on.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    Some(match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = rfc2822::parse(value.trim()).ok()?.timestamp();
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::reason::Reason;
    use serde_json::json;

    fn reply(status: u16, body: Value) -> Reply {
        Reply { status, body: Ok(body), listing: None, retry_after: None, restricted: false, mode: Mode::Gateway }
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
        for (body, cause) in [
            (json!({"errors": [{"code": 77}]}), Cause::ServerError),
            (json!({"details": "D"}), Cause::ServerError),
            // APIO core's, or that of a proxy which is like it.
            (json!({"error": "upstream timed out"}), Cause::Ambiguous),
        ] {
            assert_eq!(accepted(reply(503, body), "c", true).unwrap_err().cause, cause);
        }
    }

    #[test]
    fn a_write_may_be_answered_with_nothing_but_not_with_a_page() {
        let said = |text: &str, write| {
            let reply = Reply {
                status: 200,
                body: Err(text.into()),
                listing: None,
                retry_after: None,
                restricted: false,
                mode: Mode::Gateway,
            };
            accepted(reply, "c", write).map_err(|failure| (failure.cause, failure.speaker))
        };
        assert_eq!(said("", true), Ok(Value::Null));
        for (text, write, speaker) in [
            ("<html>", true, Speaker::Between),
            ("{\"groupId\": \"H", true, Speaker::Operator),
            ("<html>", false, Speaker::Between),
            ("", false, Speaker::Between),
        ] {
            assert_eq!(said(text, write), Err((Cause::Unreadable, speaker)), "{text}");
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
        assert_eq!(words(&Err("\u{1b}[2Jdown\u{202e}".into())), "\\u001b[2Jdown\\u202e", "no terminal obeys it");
    }

    /// Refusals that the platform did not write.
    fn foreign() -> Vec<Value> {
        vec![
            json!({}),
            json!([]),
            json!("Not Found"),
            json!({"errors": []}),
            json!({"errors": "not found"}),
            json!({"errors": [{"status": "404", "title": "Not Found"}]}),
            json!({"errors": [{"code": "NOT_FOUND"}]}),
            json!({"errors": [{"code": 1}, "more"]}),
            json!({"status": 404, "error": "Not Found"}),
            json!({"timestamp": "now", "status": 404, "error": "Not Found", "path": "/api/v1/tenants/Acme/"}),
            json!({"error": "Not Found"}),
            json!({"error": "Not Found", "path": "/x"}),
            json!({"error": {"code": 404, "message": "Not Found"}}),
            json!({"detail": "Not found."}),
            json!({"message": "no Route matched with those values"}),
            json!({"code": 5, "message": "Not Found", "details": []}),
            json!({"code": 404, "message": "Not Found"}),
            json!({"kind": "Status", "code": 404, "details": {}}),
            json!({"details": ""}),
            json!({"details": "x", "timestamp": "now"}),
        ]
    }

    #[test]
    fn only_a_404_in_the_gateways_form_says_absent() {
        for body in [
            json!({"errors": [{"code": 1}]}),
            json!({"errors": [{"code": 4040, "message": "NOT_FOUND", "details": {"reason": "r"}}]}),
            json!([{"code": 1}]),
            json!({"details": "no such group"}),
            json!({"code": 4, "message": "M", "details": {"reason": "r"}}),
        ] {
            assert!(says_absent(&reply(404, body.clone())), "{body}");
            assert!(!says_absent(&reply(400, body)));
        }
        for body in foreign() {
            assert!(!says_absent(&reply(404, body.clone())) && !is_own(&reply(404, body.clone())), "{body}");
        }
        let by_proxy = reply(404, json!({"error": "no such route"}));
        let by_core = Reply { mode: Mode::Core, ..by_proxy.clone() };
        assert!(is_own(&by_core) && !says_absent(&by_core));
        assert!(!is_own(&by_proxy) && !says_absent(&by_proxy));
        let page = Reply { body: Err("<html>".into()), ..reply(404, json!({})) };
        assert!(!says_absent(&page) && !is_own(&page));
    }

    #[test]
    fn what_the_platform_did_not_write_means_waiting_and_says_of_a_write_nothing() {
        let page = |status| Reply { body: Err("<html>".into()), ..reply(status, json!({})) };
        for status in (300..=599).filter(|status| ![401, 429].contains(status)) {
            for answer in [page(status)].into_iter().chain(foreign().into_iter().map(|body| reply(status, body))) {
                let looked = accepted(answer.clone(), "c", false).unwrap_err();
                assert_eq!(looked.speaker, Speaker::Between);
                assert_eq!(looked.cause.reason(), Reason::PlatformUnreachable, "{looked}");
                let wrote = accepted(answer, "c", true).unwrap_err();
                assert_eq!(wrote.cause, Cause::Ambiguous, "{wrote}");
            }
        }
        for status in [408, 421, 423, 425, 426, 451, 499] {
            let own = || reply(status, json!({"errors": [{"code": 77}]}));
            assert_eq!(accepted(own(), "c", false).unwrap_err().cause, Cause::ServerError, "{status}");
            assert_eq!(accepted(own(), "c", true).unwrap_err().cause, Cause::Ambiguous, "{status}");
        }
        // What only a person can mend, in the platform's own words.
        for (status, cause) in [(400, Cause::Rejected), (403, Cause::Forbidden), (422, Cause::Rejected)] {
            for body in [json!({"errors": [{"code": 77}]}), json!({"details": "D"}), json!({"error": "E"})] {
                let reply = Reply { mode: Mode::Core, ..reply(status, body) };
                assert_eq!(accepted(reply, "c", true).unwrap_err().cause, cause, "{status}");
            }
        }
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
    fn a_wait_is_read_as_seconds_or_as_a_date() {
        let now = "2015-10-21T07:28:01Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:09 GMT", now), Some(Duration::from_secs(8)));
        assert_eq!(retry_after("soon", now), None);
    }
}
