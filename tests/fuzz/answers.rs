//! Whatever the platform, or something in between, answers to a call or to a login: its status, its headers, and a body that
//! may repeat the request with its secrets, as it is or as JSON, HTML or a URL write it.

use apio_operator::{
    engine::{
        check_group::Part,
        facts::{Answer, Query},
        failure::Failure,
        ids::{Key, Level, Object},
        plan::Step,
    },
    platform::{Credentials, Mode},
};
use serde_json::Value;

use super::{
    draw::Draw,
    json::{self, Json},
    platform::{Client, Given, account, simulated},
    told::{MARK, is_no_secret, told},
};

/// What the members of bodies are called.
pub const KEYS: [&str; 30] = [
    "errors",
    "error",
    "code",
    "message",
    "details",
    "reason",
    "summary",
    "tenantId",
    "groupId",
    "name",
    "users",
    "trunks",
    "ivrs",
    "groups",
    "domains",
    "userId",
    "inTrunkGroup",
    "id",
    "total",
    "hasMore",
    "next",
    "_record_internal_id",
    "_errors",
    "profile",
    "access_type",
    "access_token",
    "token",
    "0",
    "status",
    "resellerId",
];
const STATUSES: [u16; 36] = [
    200, 200, 200, 200, 201, 202, 204, 206, 207, 299, 300, 301, 302, 304, 400, 400, 401, 401, 403, 404, 404, 405, 408,
    409, 410, 415, 421, 422, 423, 425, 429, 451, 499, 500, 502, 503,
];
/// What passwords and tokens hold besides their mark, where programs write it in more than one way.
const AROUND: [&str; 10] = ["", "\"", "<&", " ", "  ", "é", "\\", "/+", "%41", "'\t>"];

/// A call of any kind, answered by anything.
pub fn target(draw: &mut Draw<'_>) {
    let mode = draw.of(&[Mode::Gateway, Mode::Core]);
    let password = format!("{}{MARK}{}", draw.of(&AROUND), draw.of(&AROUND));
    let token = format!("token{MARK}{}", draw.of(&["", "/", "=", "&", "%"]));
    let with_token = draw.one_in(4);
    let chosen: Vec<_> = [password.clone()].into_iter().chain(with_token.then(|| token.clone())).collect();
    let (is_good, is_bearer) = (!draw.one_in(4), mode == Mode::Core && !with_token);
    let login = if is_good { Given::session() } else { given(draw, &chosen) };
    // What is sent with the first call. A later one may have another session, and an answer to it knows no other.
    let session = is_good.then(|| format!("session{MARK}"));
    let bearer = (is_good && is_bearer).then(|| format!("bearer{MARK}"));
    let sent: Vec<_> = chosen.iter().cloned().chain(session).chain(bearer).collect();
    let answers = [login, given(draw, &sent), given(draw, &chosen), given(draw, &chosen)];
    let credentials = account(&password, with_token.then_some(&token));
    simulated(call(draw, mode, credentials, answers));
}

async fn call(draw: &mut Draw<'_>, mode: Mode, credentials: Credentials, answers: [Given; 4]) {
    let client = Client::new(mode, credentials, answers);
    let tenant = || "Acme".to_owned();
    let group = Key::Group(tenant(), "HQ".to_owned());
    let body = || Object::from_iter([("userLimit".to_owned(), Value::from(7))]);
    let level = || Level::Tenant("Acme".to_owned());
    let parts = [Part::Users, Part::TrunkGroups, Part::Ivrs, Part::CallCenters, Part::HuntGroups];
    match draw.below(10) {
        0 | 1 => heard(client.ask(&Query::Object(group)).await),
        2 => heard(client.ask(&Query::Object(Key::Reseller("R1".to_owned()))).await),
        3 => heard(client.ask(&Query::Domains(level())).await),
        4 => heard(client.ask(&Query::Count(tenant(), "HQ".to_owned(), draw.of(&parts))).await),
        5 => heard(client.ask(&Query::Groups(tenant())).await),
        6 => acted(client.act(&Step::Create(group, body())).await),
        7 => acted(client.act(&Step::Update(group, body())).await),
        8 => acted(client.act(&Step::AssignDomain(level(), "a.example".to_owned())).await),
        _ => acted(client.act(&Step::CreateDomain("a.example".to_owned())).await),
    }
    if let Some(refusal) = client.platform.refusal() {
        told(&refusal);
    }
}

/// An answer may hold whatever the platform holds, be it the password of somebody, but nothing of the session.
fn heard(answer: Result<Answer, Failure>) {
    match answer {
        Ok(answer) => {
            let text = format!("{answer:?}");
            assert!(!text.contains(&format!("session{MARK}")) && !text.contains(&format!("bearer{MARK}")), "{text}");
        }
        Err(failure) => failed(&failure),
    }
}

fn acted(result: Result<(), Failure>) {
    if let Err(failure) = result {
        failed(&failure);
    }
}

fn failed(failure: &Failure) {
    told(&failure.to_string());
    is_no_secret(&format!("{failure:?}"));
}

/// An answer of any kind.
fn given(draw: &mut Draw<'_>, secrets: &[String]) -> Given {
    let status = if draw.one_in(16) { u16::from(draw.byte()) * 4 } else { draw.of(&STATUSES) };
    let headers = draw.some(3, |draw| match draw.below(3) {
        0 => ("retry-after", retry_after(draw).into_bytes()),
        1 => ("set-cookie", cookie(draw).into_bytes()),
        _ => ("content-type", draw.text().into_bytes()),
    });
    Given { status, headers, body: body(draw, secrets) }
}

fn retry_after(draw: &mut Draw<'_>) -> String {
    match draw.below(6) {
        0 => draw.below(200).to_string(),
        1 => draw.of(&["18446744073709551615", "18446744073709551616", "9223372036854775807", "-1", "1.5"]).to_owned(),
        2 => "Wed, 21 Oct 2026 07:28:09 GMT".to_owned(),
        3 => draw.word(&["Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0000 00:00:00 -2359", "1 Jan 70 0:0 Z"]),
        4 => draw.number().to_string(),
        _ => draw.text(),
    }
}

fn cookie(draw: &mut Draw<'_>) -> String {
    let attribute = |draw: &mut Draw<'_>| {
        let words = ["Path=/", "Secure", "Max-Age=0", "Max-Age=99999999999999999999", "Domain=invalid", "Expires=0"];
        draw.word(&words)
    };
    let value = if draw.one_in(2) { draw.text() } else { format!("session{MARK}") };
    let attributes = draw.some(3, attribute).join("; ");
    format!("{}={value}; {attributes}", draw.word(&["sessionid", "route", "__Host-x"]))
}

fn body(draw: &mut Draw<'_>, secrets: &[String]) -> Vec<u8> {
    match draw.below(6) {
        0 => form(draw).text(draw).into_bytes(),
        1 => {
            let json = Json::drawn(draw, &KEYS, 0);
            json::bytes(&json, draw)
        }
        2 => repeating(draw, secrets).text(draw).into_bytes(),
        3 => {
            // A page, which may be cut off.
            let pieces = draw.some(4, |draw| if draw.one_in(2) { draw.text() } else { echo(draw, secrets) });
            let page = format!("{}{}", " ".repeat(draw.of(&[0, 0, 0, 250, 290, 990, 1010])), pieces.join(" "));
            cut(draw, page.into_bytes())
        }
        4 => {
            let text = repeating(draw, secrets).text(draw);
            cut(draw, text.into_bytes())
        }
        _ => draw.text().into_bytes(),
    }
}

/// The same, of which the end may be missing.
fn cut(draw: &mut Draw<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
    let missing = if draw.one_in(2) { usize::from(draw.byte()) } else { 0 };
    bytes.truncate(bytes.len().saturating_sub(missing));
    bytes
}

/// An answer in one of the platform's own forms.
fn form(draw: &mut Draw<'_>) -> Json {
    let one = |key: &str, value: Json| (key.to_owned(), value);
    let error = Json::Object(vec![
        one("code", Json::Plain(draw.of(&[1_i64, 11, 29, 77]).into())),
        one("message", Json::Plain(draw.text().into())),
    ]);
    match draw.below(6) {
        0 => Json::Object(vec![one("groupId", Json::Plain("HQ".into())), one("name", Json::drawn(draw, &KEYS, 1))]),
        1 => Json::Object(vec![one("errors", Json::List(vec![error]))]),
        2 => Json::Object(vec![one("details", Json::drawn(draw, &KEYS, 1))]),
        3 => Json::Object(vec![one("error", Json::Plain(draw.text().into()))]),
        4 => Json::Object(vec![one("domains", Json::List(vec![Json::Plain("a.example".into())]))]),
        _ => Json::List(vec![error]),
    }
}

/// JSON in which a text or a key repeats a secret.
fn repeating(draw: &mut Draw<'_>, secrets: &[String]) -> Json {
    let repeated = if draw.one_in(2) { echo(draw, secrets) } else { secrets[draw.below(secrets.len())].clone() };
    let key = draw.word(&KEYS);
    let member = if draw.one_in(6) {
        Json::Object(vec![(repeated, Json::Plain(1.into()))])
    } else {
        Json::Object(vec![(key, Json::Plain(repeated.into()))])
    };
    match draw.below(5) {
        0 => member,
        1 => Json::Object(vec![("errors".to_owned(), Json::List(vec![member]))]),
        2 => Json::Object(vec![("groups".to_owned(), Json::List(vec![member]))]),
        3 => Json::Object(vec![("code".to_owned(), Json::Plain(4.into())), ("details".to_owned(), member)]),
        _ => Json::List(vec![member]),
    }
}

/// A secret as some program writes it, with what stands around it in a request.
fn echo(draw: &mut Draw<'_>, secrets: &[String]) -> String {
    let secret = &secrets[draw.below(secrets.len())];
    let before = draw.of(&["", "Cookie: sessionid=", "Authorization: Bearer ", "?password=", "{\"password\": \""]);
    let written = (0..1 + draw.below(2)).fold(secret.clone(), |text, _| written(draw, &text));
    format!("{before}{written}")
}

fn written(draw: &mut Draw<'_>, secret: &str) -> String {
    let quoted = Value::from(secret).to_string();
    let json = || quoted[1..quoted.len() - 1].to_owned();
    let each = |as_it_is: &str, other: &dyn Fn(char) -> String| -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || as_it_is.contains(c);
        secret.chars().map(|c| if is_plain(c) { c.to_string() } else { other(c) }).collect()
    };
    let percent = |c: char| c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    match draw.below(10) {
        0 => secret.to_owned(),
        1 => json(),
        // Go, PHP, and Python, which escape more than they must.
        2 => json().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        3 => json().replace('/', "\\/"),
        4 => each(" !#%&'()*+,-./:;<=>?@[]^_`{|}~", &|c| {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }),
        5 => each("-._~", &percent),
        6 => each("-._~!'()*", &|c| if c == ' ' { "+".to_owned() } else { percent(c).to_lowercase() }),
        7 => each(" /+%\\", &|c| format!("&#{};", c as u32)),
        8 => each(" /+%\\", &|c| format!("&#x{:X};", c as u32)),
        _ => secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&apos;"),
    }
}
