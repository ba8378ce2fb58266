//! Where a package is to come from, as a form says it.

use std::path::PathBuf;

use http::StatusCode;
use outboard_connector::host::{InstallFrom, InstallOptions};
use serde::Deserialize;

use crate::http::Problem;

/// The fields of the forms. Those of the body of `POST /api/v1/connectors/install` are
/// called as they are there, so that a script can send them as JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceForm {
    name: String,
    url: String,
    path: String,
    /// An address or a path, as a person types it.
    source: String,
    version: String,
    sha256: String,
    allow_unsigned: Option<String>,
    allow_downgrade: Option<String>,
}

impl SourceForm {
    /// Where to get it, and how to install it.
    pub(super) fn read(&self) -> Result<(InstallFrom, InstallOptions), Problem> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let typed = some(&self.source).map(|text| match text.contains("://") {
            true => InstallFrom::Url(text),
            false => InstallFrom::Path(PathBuf::from(text)),
        });
        let mut sources = [
            some(&self.name).map(InstallFrom::Name),
            some(&self.url).map(InstallFrom::Url),
            some(&self.path).map(|path| InstallFrom::Path(PathBuf::from(path))),
            typed,
        ]
        .into_iter()
        .flatten();
        let (Some(from), None) = (sources.next(), sources.next()) else {
            return Err(bad("it is not said where the package is")
                .with_hint("a key of a catalog, an https address or a path, and one of them"));
        };
        if let InstallFrom::Path(path) = &from
            && !path.is_absolute()
        {
            return Err(bad("the path does not begin with /")
                .with_hint("the server has a directory of its own: write the whole path"));
        }
        let options = InstallOptions {
            version: some(&self.version),
            sha256: some(&self.sha256),
            allow_unsigned: self.allow_unsigned.is_some(),
            allow_downgrade: self.allow_downgrade.is_some(),
            ..InstallOptions::default()
        };
        Ok((from, options))
    }
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_input", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(source: &str) -> SourceForm {
        SourceForm {
            source: source.to_owned(),
            ..SourceForm::default()
        }
    }

    #[test]
    fn an_address_and_a_path_are_told_apart() {
        let from = |text: &str| form(text).read().map(|(from, _)| from);
        assert_eq!(
            from(" https://example.org/a.zip ").expect("a source"),
            InstallFrom::Url("https://example.org/a.zip".to_owned())
        );
        assert_eq!(
            from("/home/me/a").expect("a source"),
            InstallFrom::Path("/home/me/a".into())
        );
        for text in ["", "  ", "dist/a"] {
            assert_eq!(from(text).expect_err(text).kind, "bad_input");
        }
    }

    #[test]
    fn exactly_one_source_is_taken_with_its_options() {
        let form = SourceForm {
            name: "weather".to_owned(),
            version: "1.2.0".to_owned(),
            sha256: "ab".to_owned(),
            allow_unsigned: Some("true".to_owned()),
            ..SourceForm::default()
        };
        let (from, options) = form.read().expect("a source");
        assert_eq!(from, InstallFrom::Name("weather".to_owned()));
        assert_eq!(options.version.as_deref(), Some("1.2.0"));
        assert_eq!(options.sha256.as_deref(), Some("ab"));
        assert!(options.allow_unsigned && !options.allow_downgrade);
        let both = SourceForm {
            url: "https://example.org/a.zip".to_owned(),
            ..form
        };
        assert!(both.read().is_err());
    }
}
