//! What somebody may have meant.

/// From this likeness on a word is taken for a misspelt one.
const ALIKE: f64 = 0.8;

/// The known word that this one looks like, whatever the case.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = |known: &str| strsim::jaro_winkler(&known.to_uppercase(), &word.to_uppercase());
    let near = known.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    near.filter(|near| alike(near) > ALIKE)
}

/// What to do about a word that is not known: the one that it looks like, or all that there are.
pub fn remedy(word: &str, known: &[&str]) -> String {
    nearest(word, known)
        .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_none_for_a_word_that_is_like_none() {
        let known = ["deletion", "paused", "requested-at"];
        for (word, expected) in [
            ("pause", Some("paused")),
            ("Pasued", Some("paused")),
            ("deletionpolicy", Some("deletion")),
            ("requestedAt", Some("requested-at")),
            ("owner", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
    }
}
