//! Suggests the correct spelling of a word.

use strsim::osa_distance;

/// The limit of candidates. A suggestion is not worth comparing more.
const CANDIDATES: usize = 10_000;
/// Longer words are not compared.
const LONGEST: usize = 100;

/// Returns the candidate of which `word` is most likely a misspelling.
///
/// It tolerates about one typo in three letters, and a truncated word, and ignores case.
pub(crate) fn suggest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let letters = word.chars().count();
    let allowed = (letters / 3).max(1);
    candidates
        .into_iter()
        .take(CANDIDATES)
        .filter(|candidate| candidate.len() <= LONGEST && letters <= LONGEST)
        .map(|candidate| (osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed || is_cut_short(&word, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns whether `word` is a prefix of `candidate`.
fn is_cut_short(word: &str, candidate: &str) -> bool {
    word.chars().count() >= 3 && candidate.to_lowercase().starts_with(word)
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn a_slip_is_forgiven_and_another_word_is_not() {
        let keys = ["hostname", "domains", "accounts"];
        assert_eq!(suggest("hostnam", keys), Some("hostname"));
        assert_eq!(suggest("Domians", keys), Some("domains"));
        assert_eq!(suggest("acount", keys), Some("accounts"));
        assert_eq!(suggest("host", keys), Some("hostname"));
        assert_eq!(suggest("hostnames_of_all", keys), None);
        assert_eq!(suggest("users", keys), None);
        assert_eq!(suggest("", keys), None);
    }
}
