//! What holds for every text that a person is told.

/// What stands in everything that is secret, however it is written.
pub const MARK: &str = "M4rkOfASecret";
/// Longest text that is told of one thing, in characters.
const LONGEST: usize = 2_000;

/// It has no character that a terminal obeys.
pub fn is_seen(text: &str) {
    assert!(!text.chars().any(is_obeyed), "{text:?}");
}

/// It is short, has no character that a terminal obeys, and no secret.
pub fn told(text: &str) {
    is_no_secret(text);
    assert!(text.chars().count() <= LONGEST, "{} characters: {text:.300}", text.chars().count());
    is_seen(text);
}

/// The same of what only a developer reads.
pub fn is_no_secret(text: &str) {
    assert!(!text.contains(MARK), "{text:?}");
}

/// Control characters, and what turns the direction of a line.
fn is_obeyed(c: char) -> bool {
    c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
}
