//! A choice that follows from a word, and a name for bytes: hashes that are the same everywhere.
//!
//! Nothing here withstands an opponent; it tells versions apart and spreads choices.

/// FNV-1a of 128 bits over `parts`, each ended by its length.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    const START: u128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D;
    let take = |sum: u128, byte: &u8| (sum ^ u128::from(*byte)).wrapping_mul(PRIME);
    parts.into_iter().fold(START, |sum, part| {
        let sum = part.iter().fold(sum, take);
        part.len().to_le_bytes().iter().fold(sum, take)
    })
}

/// As many of `items` as `count` says, in their order; which ones follows from `word` and their
/// names.
pub(crate) fn pick<T>(
    items: Vec<T>,
    count: usize,
    word: &str,
    name: impl Fn(&T) -> &str,
) -> Vec<T> {
    let rank = |item: &T| digest([word.as_bytes(), name(item).as_bytes()]);
    let mut ranks: Vec<u128> = items.iter().map(rank).collect();
    ranks.sort_unstable();
    let chosen = ranks.get(..count.min(ranks.len())).unwrap_or_default();
    items.into_iter().filter(|item| chosen.binary_search(&rank(item)).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_follows_from_the_word() {
        let names: Vec<String> = (0..50).map(|number| format!("bug-{number}")).collect();
        let chosen = |word: &str| pick(names.clone(), 3, word, String::as_str);
        assert_eq!(chosen("c0ffee").len(), 3);
        assert_eq!(chosen("c0ffee"), chosen("c0ffee"));
        assert_ne!(chosen("c0ffee"), chosen("decaf"));
        assert_eq!(pick(names.clone(), 99, "all", String::as_str), names);
    }

    #[test]
    fn every_item_is_chosen_by_some_word() {
        let items = vec!["a", "b", "c", "d", "e", "f", "g"];
        let mut never = items.clone();
        for word in 0..40 {
            let chosen = pick(items.clone(), 2, &word.to_string(), |item| item);
            never.retain(|item| !chosen.contains(item));
        }
        assert!(never.is_empty(), "{never:?}");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let parts = |parts: [&str; 2]| digest(parts.map(str::as_bytes));
        assert_ne!(parts(["ab", "c"]), parts(["a", "bc"]));
        assert_eq!(digest([]), 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D);
    }
}
