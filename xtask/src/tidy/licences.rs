//! What `deny.toml` says of licences, banned crates and sources, checked without
//! cargo-deny, which takes minutes to install.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Table;

use crate::{
    Result,
    metadata::{Metadata, text},
};

use super::Tree;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn check(tree: &Tree, metadata: &Metadata, problems: &mut Vec<String>) -> Result {
    let file = tree.get("deny.toml").ok_or("deny.toml: is missing")?;
    let rules = Rules::parse(&file.text).map_err(|error| format!("deny.toml: {error}"))?;
    for package in metadata.packages() {
        rules.check(package, problems);
    }
    Ok(())
}

struct Rules {
    allowed: BTreeSet<String>,
    banned: BTreeSet<String>,
}

impl Rules {
    fn parse(text: &str) -> Result<Rules> {
        let table: Table = text.parse()?;
        let list = |section: &str, key: &str| {
            let list = table.get(section).and_then(|section| section.get(key));
            list.and_then(|list| list.as_array())
                .cloned()
                .unwrap_or_default()
        };
        let name = |value: &toml::Value| value.as_str().map(str::to_owned);
        Ok(Rules {
            allowed: list("licenses", "allow").iter().filter_map(name).collect(),
            banned: list("bans", "deny")
                .iter()
                .filter_map(|entry| entry.get("crate").and_then(name))
                .collect(),
        })
    }

    fn check(&self, package: &Value, problems: &mut Vec<String>) {
        let name = text(&package["name"]);
        let version = text(&package["version"]);
        match package["source"].as_str() {
            None => return,
            Some(CRATES_IO) => {}
            Some(source) => problems.push(format!("{name} {version}: comes from {source}")),
        }
        if self.banned.contains(name) {
            problems.push(format!("{name} {version}: is banned, deny.toml says why"));
        }
        let licence = text(&package["license"]);
        if !self.allows(licence) {
            problems.push(format!(
                "{name} {version}: licence \"{licence}\" is not among those that deny.toml allows"
            ));
        }
    }

    /// Whether an SPDX expression can be met with allowed licences. `AND` binds
    /// tighter than `OR`; the old `/` means `OR`.
    fn allows(&self, expression: &str) -> bool {
        let spaced = expression
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let met = self.either(&mut rest);
        met && rest.is_empty()
    }

    fn either(&self, rest: &mut &[&str]) -> bool {
        let mut met = self.both(rest);
        while let ["OR", after @ ..] = rest {
            *rest = after;
            met |= self.both(rest);
        }
        met
    }

    fn both(&self, rest: &mut &[&str]) -> bool {
        let mut met = self.one(rest);
        while let ["AND", after @ ..] = rest {
            *rest = after;
            met &= self.one(rest);
        }
        met
    }

    fn one(&self, rest: &mut &[&str]) -> bool {
        match *rest {
            ["(", after @ ..] => {
                *rest = after;
                let met = self.either(rest);
                if let [")", after @ ..] = rest {
                    *rest = after;
                }
                met
            }
            [licence, "WITH", exception, after @ ..] => {
                *rest = after;
                self.allowed
                    .contains(&format!("{licence} WITH {exception}"))
            }
            [licence, after @ ..] => {
                *rest = after;
                self.allowed.contains(*licence)
            }
            [] => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::parse(
            r#"
            [licenses]
            allow = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
            [bans]
            deny = [{ crate = "openssl-sys", reason = "rustls" }]
            "#,
        )
        .unwrap()
    }

    #[test]
    fn an_expression_is_met_by_one_side_of_or_and_by_all_of_and() {
        let rules = rules();
        for met in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(GPL-3.0 OR MIT) AND Unicode-3.0",
            "GPL-3.0 OR MIT AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(rules.allows(met), "{met}");
        }
        for unmet in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "Apache-2.0",
            "(MIT) GPL-3.0",
        ] {
            assert!(!rules.allows(unmet), "{unmet}");
        }
    }

    #[test]
    fn a_banned_crate_and_a_foreign_source_are_named() {
        let package = serde_json::json!({
            "name": "openssl-sys", "version": "1.0.0", "license": "MIT", "source": "git+somewhere",
        });
        let mut problems = Vec::new();
        rules().check(&package, &mut problems);
        assert_eq!(
            problems,
            [
                "openssl-sys 1.0.0: comes from git+somewhere",
                "openssl-sys 1.0.0: is banned, deny.toml says why",
            ]
        );
    }
}
