//! The word a person probably meant.

/// No suggestion is worth a look at more words than this.
const CANDIDATES: usize = 10_000;
/// Nobody misspells a longer word.
const LONGEST: usize = 100;

/// Returns the candidate that `word` is most likely a misspelling of.
///
/// About one slip in three letters is forgiven, and so is a word cut short;
/// upper and lower case are one.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .take(CANDIDATES)
        .filter(|candidate| candidate.len() <= LONGEST && word.len() <= LONGEST)
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed || begins(candidate, &word))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns whether a word was cut short.
fn begins(candidate: &str, word: &[char]) -> bool {
    let candidate = candidate.to_lowercase();
    word.len() >= 3
        && word.len() < candidate.len()
        && candidate.chars().zip(word).all(|(a, b)| a == *b)
}

/// Counts the letters to add, drop, replace or swap with their neighbour.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut cost = (above[j] + usize::from(a != b))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_forgiven_and_another_word_is_not() {
        let keys = ["hostname", "domains", "accounts"];
        assert_eq!(nearest("hostnam", keys), Some("hostname"));
        assert_eq!(nearest("Domians", keys), Some("domains"));
        assert_eq!(nearest("acount", keys), Some("accounts"));
        assert_eq!(nearest("host", keys), Some("hostname"));
        assert_eq!(nearest("hostnames_of_all", keys), None);
        assert_eq!(nearest("users", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
