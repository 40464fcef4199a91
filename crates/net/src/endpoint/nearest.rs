//! The word that was most likely meant.

/// The known word that differs least from `word`, if it does not differ much.
pub(super) fn nearest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    // Nobody means a word that is a good deal shorter than what stands there.
    if word.len() > 64 {
        return None;
    }
    let word = folded(word);
    let (distance, nearest) = known
        .iter()
        .map(|one| (distance(&word, &folded(one)), *one))
        .min_by_key(|(far, _)| *far)?;
    (distance * 3 <= nearest.len().max(3)).then_some(nearest)
}

/// How it is written matters less than what: `bind_address` is `bindAddress`.
fn folded(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein);
/// letters in another order count once.
fn distance(left: &[char], right: &[char]) -> usize {
    if left != right && sorted(left) == sorted(right) {
        return 1;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, r) in right.iter().enumerate() {
            let changed = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn sorted(letters: &[char]) -> Vec<char> {
    let mut letters = letters.to_vec();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_near_is_meant() {
        let known = &["port", "interface", "backlog", "bindAddress"];
        for (word, meant) in [
            ("prot", Some("port")),
            ("host", None),
            ("ports", Some("port")),
            ("PORT", Some("port")),
            ("iface", None),
            ("interfce", Some("interface")),
            ("bind_address", Some("bindAddress")),
            ("back-log", Some("backlog")),
            ("timeout", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest(&"p".repeat(10_000), known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
