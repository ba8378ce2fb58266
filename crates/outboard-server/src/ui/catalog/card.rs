//! One connector of a catalog, as a card.

use std::collections::BTreeMap;

use outboard_connector::host::{Available, Summary, TrustedKey};

use super::super::state::Mark;

/// What a card shows.
#[derive(Debug, PartialEq)]
pub(super) struct Card {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) description: String,
    pub(super) tags: Vec<String>,
    pub(super) version: String,
    pub(super) installed: Option<String>,
    pub(super) from: String,
    pub(super) signed: Mark,
    pub(super) here: bool,
    pub(super) platforms: String,
    /// The word on the button, if there is something to do.
    pub(super) action: Option<String>,
}

/// What a signature is worth, in words; who made it, where that is known.
pub(super) fn signed(word: &str, key_id: Option<&str>, keys: &[TrustedKey]) -> Mark {
    let by = key_id.map(|id| signer(id, keys)).unwrap_or_default();
    let (word, tone) = match word {
        "envelope" => (format!("signed by {by}"), "good"),
        "program" => (format!("program signed by {by}"), "good"),
        "unverifiable" => ("signed by nobody who is trusted".to_owned(), "warn"),
        _ => ("not signed".to_owned(), "warn"),
    };
    Mark { word, tone }
}

/// The name of a key's owner, else its id.
pub(super) fn signer(id: &str, keys: &[TrustedKey]) -> String {
    let known = keys.iter().find(|key| key.id == id);
    match known {
        Some(key) if !key.name.is_empty() => key.name.clone(),
        _ => id.to_owned(),
    }
}

/// The cards: what can be updated first, the rest in the order in which it was found.
pub(super) fn cards(
    found: Vec<Available>,
    installed: &BTreeMap<String, Summary>,
    keys: &[TrustedKey],
) -> Vec<Card> {
    let mut cards: Vec<(bool, Card)> = found
        .into_iter()
        .map(|available| {
            (
                !available.update_available,
                card(available, installed, keys),
            )
        })
        .collect();
    // It keeps the order of what is alike.
    cards.sort_by_key(|(later, _)| *later);
    cards.into_iter().map(|(_, card)| card).collect()
}

fn card(available: Available, installed: &BTreeMap<String, Summary>, keys: &[TrustedKey]) -> Card {
    let signed = match installed.get(&available.key) {
        Some(summary) => signed(&summary.signed, summary.key_id.as_deref(), keys),
        None => Mark {
            word: match available.digest {
                true => "catalog names its digest; signature is seen when it is looked at",
                false => "signature is seen when it is looked at",
            }
            .to_owned(),
            tone: "idle",
        },
    };
    let action = match (&available.installed, available.arch_ok) {
        (_, false) => None,
        (None, _) => Some("Look at it and install".to_owned()),
        (Some(_), _) if available.update_available => {
            Some(format!("See what {} changes", available.version))
        }
        (Some(_), _) => None,
    };
    Card {
        title: available.name,
        kind: available.kind,
        description: available.description,
        tags: available.tags,
        version: available.version,
        installed: available.installed,
        from: available.catalog,
        signed,
        here: available.arch_ok,
        platforms: available.os_arch.join(", "),
        action,
        key: available.key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn available(key: &str, installed: Option<&str>, update: bool, here: bool) -> Available {
        Available {
            key: key.to_owned(),
            name: key.to_uppercase(),
            description: String::new(),
            kind: "connector".to_owned(),
            catalog: "https://example.org/plugins.json".to_owned(),
            version: "2.0.0".to_owned(),
            arch_ok: here,
            digest: true,
            os_arch: vec!["linux/amd64".to_owned()],
            tags: Vec::new(),
            installed: installed.map(str::to_owned),
            update_available: update,
        }
    }

    #[test]
    fn updates_come_first_and_only_what_can_be_done_has_a_button() {
        let found = vec![
            available("a", None, false, true),
            available("b", None, false, false),
            available("c", Some("2.0.0"), false, true),
            available("d", Some("1.0.0"), true, true),
        ];
        let cards = cards(found, &BTreeMap::new(), &[]);
        let seen: Vec<_> = cards
            .iter()
            .map(|card| (card.key.as_str(), card.action.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                ("d", Some("See what 2.0.0 changes")),
                ("a", Some("Look at it and install")),
                ("b", None),
                ("c", None),
            ]
        );
    }

    #[test]
    fn a_signature_is_told_by_the_name_of_its_key() {
        let keys = [TrustedKey {
            id: "77aa".to_owned(),
            name: "the team".to_owned(),
            ..TrustedKey::default()
        }];
        let told = |word, id| signed(word, id, &keys).word;
        assert_eq!(told("envelope", Some("77aa")), "signed by the team");
        assert_eq!(told("program", Some("88bb")), "program signed by 88bb");
        assert_eq!(told("none", None), "not signed");
        assert_eq!(
            told("unverifiable", None),
            "signed by nobody who is trusted"
        );
    }
}
