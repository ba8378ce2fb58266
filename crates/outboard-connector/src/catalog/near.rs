//! Keys that somebody may have meant.

/// How many are named.
const NAMED: usize = 3;

/// The keys that look most like what was typed, the most alike first.
pub(super) fn near<'a>(key: &str, keys: impl Iterator<Item = &'a String>) -> Vec<String> {
    // Nobody means what is longer, and comparing takes the product of both lengths.
    let wanted: String = plain(key).chars().take(64).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, &String)> = keys
        .filter_map(|other| {
            let plain = plain(other);
            let distance = strsim::damerau_levenshtein(&plain, &wanted);
            let within = plain.contains(&wanted) || (plain.len() > 2 && wanted.contains(&plain));
            (within || distance <= 2).then_some((distance, other))
        })
        .collect();
    found.sort();
    let found = found.into_iter().take(NAMED);
    found.map(|(_, key)| key.clone()).collect()
}

fn plain(text: &str) -> String {
    text.replace(['_', '-', ' '], "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_are_named_first_and_never_many() {
        let keys = [
            "a",
            "google_drive",
            "google_mail",
            "http",
            "https",
            "mail",
            "mails",
        ];
        let keys: Vec<String> = keys.map(str::to_owned).to_vec();
        let of = |typed: &str| near(typed, keys.iter());
        assert_eq!(of("htps"), ["https", "http"]);
        assert_eq!(of("Google-Mial")[0], "google_mail");
        assert_eq!(of("google"), ["google_mail", "google_drive"]);
        assert_eq!(of("mail"), ["mail", "mails", "google_mail"]);
        assert!(of("kubernetes").is_empty());
        assert!(of(&"x".repeat(1_000_000)).is_empty());
        assert!(of("").is_empty());
    }
}
