//! What somebody may have meant.

/// What to do about a word that is not known: the one that it looks like, whatever the case, or all that there are.
pub fn remedy(word: &str, known: &[&str]) -> String {
    let alike = |known: &&&str| strsim::jaro_winkler(&known.to_uppercase(), &word.to_uppercase());
    let near = known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|near| alike(near) > 0.8);
    near.map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean {near}?"))
}
