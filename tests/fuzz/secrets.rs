//! The credentials Secret, and a login with whatever it holds.

use std::collections::BTreeMap;

use apio_operator::platform::{Credentials, Mode};
use secrecy::ExposeSecret;

use super::{
    draw::Draw,
    platform::{Client, Given, simulated},
    told::{MARK, is_no_secret, told},
};

const KEYS: [&str; 4] = ["username", "password", "token", "tls.crt"];

/// A Secret, read, and a login with it.
pub fn target(draw: &mut Draw<'_>) {
    let data: BTreeMap<String, Vec<u8>> = draw.some(4, entry).into_iter().collect();
    let mode = draw.of(&[Mode::Gateway, Mode::Core]);
    let status = draw.of(&[200, 200, 400, 401, 403, 429, 500]);
    let credentials = match Credentials::of(|key| data.get(key).map(Vec::as_slice)) {
        Ok(credentials) => credentials,
        Err(problem) => {
            assert!(!has_all(&data), "{data:?}: {problem}");
            return told(&problem);
        }
    };
    assert!(has_all(&data), "{data:?}");
    is_no_secret(&format!("{credentials:?}"));
    let is_whole = |key: &str, held: &str| data.get(key).is_none_or(|there| trimmed(there) == held.as_bytes());
    assert!(is_whole("username", &credentials.username) && is_whole("password", credentials.password.expose_secret()));
    simulated(async {
        let client = Client::new(mode, credentials, [Given { status, ..Given::session() }]);
        if let Err(failure) = client.platform.log_in().await {
            told(&failure.to_string());
            is_no_secret(&format!("{failure:?}"));
        }
        if let Some(refusal) = client.platform.refusal() {
            told(&refusal);
        }
    });
}

fn entry(draw: &mut Draw<'_>) -> (String, Vec<u8>) {
    let key = draw.word(&KEYS);
    // The name of an account is told.
    let mark = if key == "username" { "operator" } else { MARK };
    let value = value(draw, mark);
    (key, value)
}

/// A text around a mark; seldom no text.
fn value(draw: &mut Draw<'_>, mark: &str) -> Vec<u8> {
    let text = format!("{}{mark}{}", draw.text(), draw.of(&["", "\n", "\r\n", "\n\n", " "]));
    match draw.below(8) {
        0 => draw.of(&["", "\n", "\r"]).into(),
        1 => draw.changed(text.into_bytes()),
        2 => [text.as_bytes(), &[0xff, draw.byte()]].concat(),
        _ => text.into_bytes(),
    }
}

/// Whether a login is possible with them: each is text, and there is an account or a token.
fn has_all(data: &BTreeMap<String, Vec<u8>>) -> bool {
    let known = ["username", "password", "token"].map(|key| data.get(key));
    let has = |value: Option<&Vec<u8>>| value.is_some_and(|value| !trimmed(value).is_empty());
    let [username, password, token] = known;
    known.into_iter().flatten().all(|value| std::str::from_utf8(value).is_ok())
        && (has(token) || has(username) && has(password))
}

/// Without the line ends that editors add.
fn trimmed(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
    &value[..end]
}
