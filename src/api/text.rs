//! What a text of a spec may hold: one table of characters. The rules of the definitions (CEL) and those of the operator derive
//! from it, so that they cannot differ.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Ranges of characters, both ends included.
type Ranges = &'static [(char, char)];

/// What ends a line, moves a cursor, or means something to a terminal.
const CONTROL: Ranges = &[('\0', '\u{1f}'), ('\u{7f}', '\u{9f}'), ('\u{2028}', '\u{2029}')];
/// Blanks that look like a space and are none.
const BLANK: Ranges = &[
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
];
/// Characters that have no width: they join, part, order or vary others, or stand for nothing.
const INVISIBLE: Ranges = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
];
/// Characters that have no width either, and make an emoji or a flag of the signs before them: a text may end in one.
const SELECTOR: Ranges = &[('\u{fe00}', '\u{fe0f}'), ('\u{e0000}', '\u{e0fff}')];
/// The plain space.
const SPACE: Ranges = &[(' ', ' ')];
/// What parts the segments of a URL, for one program or the other.
const SLASH: Ranges = &[('/', '/'), ('\\', '\\')];

/// What an id must be, for a sentence.
pub const ID: &str = "must neither begin nor end with a space, nor hold /, \\, % followed by two hexadecimal digits, a line break or another control character, a blank other than a space or an invisible character, nor be . or .. (also before a ;)";

/// Whether an id stays in its place when it becomes a segment of a URL, whatever a proxy in between decodes, resolves or trims.
pub fn is_id(id: &str) -> bool {
    let odd = [CONTROL, BLANK, INVISIBLE, SELECTOR, SLASH];
    let escape = |triple: &[u8]| triple[0] == b'%' && triple[1..].iter().all(u8::is_ascii_hexdigit);
    // Some servers cut what follows a semicolon, and then resolve what is left.
    let before_parameters = id.split(';').next().unwrap_or_default();
    !id.chars().any(|c| odd.iter().any(|ranges| is_in(ranges, c)))
        && !id.starts_with(' ')
        && !id.ends_with(' ')
        && !id.as_bytes().windows(3).any(escape)
        && !["", ".", ".."].contains(&before_parameters)
}

/// A text as a message shows it: what would not be seen, or as something else, is escaped as in JSON.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if [CONTROL, BLANK, INVISIBLE, SELECTOR].iter().any(|ranges| is_in(ranges, c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same with so many characters at most; what is left out is told.
pub fn shortened(text: &str, most: usize) -> String {
    let begin: String = text.chars().take(most + 1).collect();
    let shown = visible(&begin);
    if shown.chars().count() <= most { shown } else { shown.chars().take(most).chain("...".chars()).collect() }
}

fn is_in(ranges: Ranges, c: char) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// The rule of [`is_id`] for the API server, on the field itself: what was stored before the rule was stays changeable.
pub(super) fn id() -> Value {
    let odd = any_of(&[CONTROL, BLANK, INVISIBLE, SELECTOR, SLASH]);
    let refused = format!("{odd}|^ | $|%[0-9A-Fa-f]{{2}}|^\\.{{0,2}}(;|$)");
    rule(&refused, &format!("{ID}, because it becomes part of a URL; choose another one"))
}

/// The rule of a text of one line.
pub(super) fn line() -> Value {
    rule(&not_a_line(), LINE)
}

/// The same for each text of a list.
pub(super) fn lines() -> Value {
    json!([{"rule": format!("self.all(one, !one.matches('{}'))", in_cel(&not_a_line())), "message": format!("each {LINE}")}])
}

const LINE: &str = "must neither begin nor end with a blank or an invisible character, nor hold a line break, a tab or another control character; write it on one line without them";

fn not_a_line() -> String {
    let (control, ends) = (any_of(&[CONTROL]), any_of(&[SPACE, BLANK, INVISIBLE]));
    format!("{control}|^{ends}|{ends}$")
}

/// The rule of a domain name.
pub(super) fn domain() -> Value {
    let label = "[0-9A-Za-z_]([0-9A-Za-z_-]*[0-9A-Za-z_])?";
    json!([{
        "rule": format!("self.matches('{}')", in_cel(&format!("^{label}(\\.{label})*$"))),
        "message": "must be a domain name such as sip.acme.example: letters without accents, digits, - and _ between single dots, and nothing before or after them",
    }])
}

/// A rule that refuses what a regular expression matches.
fn rule(refused: &str, message: &str) -> Value {
    json!([{"rule": format!("!self.matches('{}')", in_cel(refused)), "message": message}])
}

/// A regular expression within a text of CEL.
fn in_cel(expression: &str) -> String {
    expression.replace('\\', "\\\\")
}

/// A class of a regular expression.
fn any_of(sets: &[Ranges]) -> String {
    let ranges = sets.iter().flat_map(|ranges| ranges.iter());
    let all: String =
        ranges.map(|(first, last)| format!("\\x{{{:x}}}-\\x{{{:x}}}", *first as u32, *last as u32)).collect();
    format!("[{all}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_lead_elsewhere_or_be_taken_for_another_one_is_none() {
        for id in [
            "",
            ".",
            "..",
            "../../tenants/Globex/groups/HQ",
            "a/b",
            "/",
            "..\\x",
            "a\\b",
            "%2e%2E",
            "%2F",
            "a%00",
            "..;",
            ".;x",
            ";x",
            " a",
            "a ",
            " ",
            "a\nb",
            "a\tb",
            "a\0",
            "a\u{85}b",
            "D4\u{a0}",
            "Acme\u{200b}",
            "a\u{ad}b",
            "\u{feff}a",
            "a\u{202e}b",
            "a\u{2060}",
            "a\u{2028}b",
            "a\u{3000}b",
        ] {
            assert!(!is_id(id), "{id:?}");
        }
        for id in [
            "HQ",
            "a b",
            "a@b",
            "a+b",
            "a%b",
            "100%",
            "a%2",
            "%zz",
            "a?b#c",
            "a&b=c;d",
            "...",
            "a..b",
            "-_.",
            "..a",
            "é漢字🙂",
        ] {
            assert!(is_id(id), "{id:?}");
        }
    }

    #[test]
    fn what_is_not_seen_is_shown_with_an_escape() {
        for (text, shown) in [
            ("Head office é漢字🙂", "Head office é漢字🙂"),
            ("a\u{a0}b", "a\\u00a0b"),
            ("\u{feff}a\u{200b}", "\\ufeffa\\u200b"),
            ("a\nb", "a\\u000ab"),
            ("\u{e0020}", "\\udb40\\udc20"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(shown), shown, "shown twice");
        }
    }

    #[test]
    fn what_is_shortened_is_short_with_its_escapes_too() {
        for (text, shown) in [
            ("", ""),
            ("abcde", "abcde"),
            ("abcdef", "abcde..."),
            ("é漢字🙂é", "é漢字🙂é"),
            ("\n", "\\u000..."),
            ("\0\0", "\\u000..."),
        ] {
            assert_eq!(shortened(text, 5), shown);
        }
        assert_eq!(shortened("\u{1b}[31m", 9), "\\u001b[31...");
    }
}
