//! The ways in which programs write a text: as it is, and as JSON, HTML and URLs escape it, one on top of another. Which of
//! their characters they escape, and how, each decides for itself; so what is looked for is found by reading, not by writing.

/// A character of a text as it reads, and the bytes in which it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    c: char,
    from: usize,
    to: usize,
}

/// Reads one character that is escaped: what it is, and how many characters make it.
type Way = fn(&[Read]) -> Option<(char, usize)>;

const WAYS: [Way; 4] = [json, html, url, form];
/// What an escape begins with; the last one is an escape by itself.
const ESCAPES: [char; 4] = ['\\', '&', '%', '+'];
/// The names of HTML; other characters have a number.
const NAMES: [(&str, char); 6] =
    [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\''), ("nbsp;", '\u{a0}')];
/// Longest escape.
const LONGEST: usize = 12;

/// Every way in which a text reads, up to three escapes on top of each other: an HTML page in JSON in JSON.
pub fn readings(text: &str) -> Vec<Vec<Read>> {
    let plain: Vec<_> = text.char_indices().map(|(from, c)| Read { c, from, to: from + c.len_utf8() }).collect();
    let deeper = |texts: &[Vec<Read>]| -> Vec<Vec<Read>> {
        texts.iter().flat_map(|text| WAYS.iter().filter_map(|way| read(text, *way))).collect()
    };
    let once = deeper(std::slice::from_ref(&plain));
    let twice = deeper(&once);
    let thrice = deeper(&twice);
    [vec![plain], once, twice, thrice].concat()
}

/// The bytes in which something stands, of a text that reads so. Where the text breaks off, so many characters are enough.
pub fn find(reading: &[Read], what: &[char], shortest: usize) -> Vec<(usize, usize)> {
    // What it was shortened by, and half a character.
    let is_text = |read: &Read| !['.', char::REPLACEMENT_CHARACTER].contains(&read.c);
    let last = reading.iter().rposition(is_text).map_or(0, |at| at + 1);
    let begins = |at: &usize| reading[*at].c == what[0];
    let found = (0..reading.len()).filter(begins).filter_map(|at| {
        let there = reading[at..].iter().zip(what).take_while(|(read, c)| read.c == **c).count();
        let end = at + there;
        let breaks_off = || end >= last || last - end < LONGEST && ESCAPES[..3].contains(&reading[end].c);
        match there {
            all if all == what.len() => Some((reading[at].from, reading[end - 1].to)),
            some if some >= shortest && breaks_off() => Some((reading[at].from, reading[reading.len() - 1].to)),
            _ => None,
        }
    });
    found.collect()
}

/// The text as it reads with these escapes, if it has any.
fn read(text: &[Read], way: Way) -> Option<Vec<Read>> {
    let (mut all, mut at, mut differs) = (Vec::with_capacity(text.len()), 0, false);
    while at < text.len() {
        let is_escape = ESCAPES.contains(&text[at].c);
        let escaped = if is_escape { way(&text[at..text.len().min(at + LONGEST)]) } else { None };
        let (c, length) = escaped.unwrap_or((text[at].c, 1));
        differs |= escaped.is_some();
        all.push(Read { c, from: text[at].from, to: text[at + length - 1].to });
        at += length;
    }
    differs.then_some(all)
}

fn json(text: &[Read]) -> Option<(char, usize)> {
    let plain = match (text[0].c, text.get(1)?.c) {
        ('\\', c @ ('"' | '\\' | '/' | '\'')) => c,
        ('\\', 'n') => '\n',
        ('\\', 'r') => '\r',
        ('\\', 't') => '\t',
        ('\\', 'b') => '\u{8}',
        ('\\', 'f') => '\u{c}',
        ('\\', 'u') => return utf16(text),
        _ => return None,
    };
    Some((plain, 2))
}

/// One unit, or a pair.
fn utf16(text: &[Read]) -> Option<(char, usize)> {
    let unit = |text: &[Read]| match text {
        [backslash, u, digits @ ..] if (backslash.c, u.c) == ('\\', 'u') => {
            u16::try_from(number(digits.get(..4)?, 16)?).ok()
        }
        _ => None,
    };
    let first = unit(text)?;
    let pair = || char::decode_utf16([first, unit(text.get(6..)?)?]).next()?.ok();
    match char::from_u32(first.into()) {
        Some(c) => Some((c, 6)),
        None => pair().map(|c| (c, 12)),
    }
}

fn html(text: &[Read]) -> Option<(char, usize)> {
    let [and, rest @ ..] = text else { return None };
    let end = rest.iter().position(|read| read.c == ';').filter(|_| and.c == '&')?;
    let name: String = rest[..=end].iter().map(|read| read.c).collect();
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    let numbered = || match &rest[..end] {
        [sharp, x, digits @ ..] if sharp.c == '#' && x.c.eq_ignore_ascii_case(&'x') => number(digits, 16),
        [sharp, digits @ ..] if sharp.c == '#' => number(digits, 10),
        _ => None,
    };
    Some((named.or_else(|| char::from_u32(numbered()?))?, end + 2))
}

fn number(digits: &[Read], base: u32) -> Option<u32> {
    let digits: String = digits.iter().map(|read| read.c).collect();
    // A sign would be read too.
    digits.starts_with(|c: char| c.is_digit(base)).then(|| u32::from_str_radix(&digits, base).ok())?
}

/// A character in UTF-8, each of its bytes escaped.
fn url(text: &[Read]) -> Option<(char, usize)> {
    let byte = |at: usize| match text.get(at..at + 3) {
        Some([percent, digits @ ..]) if percent.c == '%' => u8::try_from(number(digits, 16)?).ok(),
        _ => None,
    };
    let bytes: Vec<_> = (0..LONGEST / 3).map_while(|at| byte(3 * at)).collect();
    (1..=bytes.len()).find_map(|length| {
        let c = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
        Some((c, 3 * length))
    })
}

/// The same in a form, where a space is a plus.
fn form(text: &[Read]) -> Option<(char, usize)> {
    if text[0].c == '+' { Some((' ', 1)) } else { url(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, what: &str) -> Vec<String> {
        let what: Vec<_> = what.chars().collect();
        let mut found: Vec<_> = readings(text).iter().flat_map(|reading| find(reading, &what, 4)).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|(from, to)| text[from..to].to_owned()).collect()
    }

    #[test]
    fn a_text_is_found_in_whatever_way_it_is_written() {
        let what = "p\"s/ <é🙂+";
        for text in [
            what,
            "p\\\"s\\/ \\u003c\\u00e9\\ud83d\\ude42+",
            "p&quot;s/ &lt;é🙂+",
            "p&#34;s&#x2F;&#32;&#X3c;&#233;&#128578;&#43;",
            "p%22s%2f%20%3C%c3%a9%F0%9F%99%82%2B",
            "p%22s%2F+%3C%C3%A9%F0%9F%99%82%2B",
            // JSON in JSON, JSON in HTML, a URL in HTML.
            "p\\\\\\\"s/ \\\\u003cé🙂+",
            "p\\&quot;s/ &lt;é🙂+",
            "p&#37;22s/ <é🙂+",
            "p\\\\&quot;s/ \\\\u003cé🙂+",
        ] {
            assert_eq!(found(&format!("before {text} after"), what), [text]);
        }
        assert_eq!(found("p\"s/ <é🙂 +", what), [""; 0]);
        assert_eq!(found("%+4%-4\\u+041&#+65;&#x;%", "AAAA"), [""; 0]);
    }

    #[test]
    fn what_a_text_breaks_off_in_is_found_from_four_characters_on() {
        for (text, expected) in [
            ("x secr", &["secr"][..]),
            ("x sec", &[]),
            ("secr x", &[]),
            ("x secret\u{fffd}", &["secret\u{fffd}"]),
            ("x secret...", &["secret..."]),
            ("x secret&quo", &["secret&quo"]),
            ("x secret\\", &["secret\\"]),
        ] {
            assert_eq!(found(text, "secret\"x"), expected, "{text}");
        }
    }
}
