//! The releases of a repository, page by page.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    time::Duration,
};

use url::Url;

use super::{BuildError, ListedRelease, parse_releases};
use crate::download::{DownloadError, DownloadLimits, Wanted, download, parse_url};

/// Where GitHub's own API is.
const API: &str = "https://api.github.com";
/// How many pages are read.
const MAX_PAGES: usize = 20;
/// How many releases are on a page.
const PER_PAGE: usize = 100;

/// A repository on GitHub, or on a server with the same API. Its debug output shows no
/// token.
#[derive(Clone)]
pub struct GitHub {
    api: Url,
    repository: String,
    token: Option<String>,
    limits: DownloadLimits,
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("GitHub")
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

/// The releases of a repository.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// The releases, newest first.
    pub releases: Vec<ListedRelease>,
    /// Whether there are no others: 20 pages of 100 are read, each within 30 s and 8 MiB.
    pub complete: bool,
}

impl GitHub {
    /// `OWNER/NAME`, and a token for what only some may see. `api` is where the API is, if
    /// not at GitHub's own address.
    ///
    /// # Errors
    ///
    /// [`BuildError::Repository`], and [`BuildError::Base`] for an `api` that is no URL or
    /// would get the token in the clear.
    pub fn new(
        repository: &str,
        token: Option<String>,
        api: Option<&str>,
    ) -> Result<GitHub, BuildError> {
        let plain = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            // Dots alone would climb.
            part.bytes().all(allowed) && part.bytes().any(|byte| byte != b'.')
        };
        let parts = repository.split_once('/');
        if !parts.is_some_and(|(owner, name)| plain(owner) && plain(name)) {
            return Err(BuildError::Repository {
                name: repository.chars().take(200).collect(),
            });
        }
        Ok(GitHub {
            api: parse_url(api.unwrap_or(API), false).map_err(BuildError::Base)?,
            repository: repository.to_owned(),
            token: token.filter(|token| !token.is_empty()),
            limits: DownloadLimits {
                bytes: 8 * 1024 * 1024,
                total: Duration::from_secs(30),
                ..DownloadLimits::default()
            },
        })
    }

    /// Its releases. Blocks; `cancelled` is asked several times in a second, and `page` is
    /// told each page before it is fetched.
    ///
    /// # Errors
    ///
    /// [`BuildError::Page`] and [`BuildError::Releases`]: half a list is none.
    pub fn releases(
        &self,
        page: &dyn Fn(usize),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Listing, BuildError> {
        let mut releases = Vec::new();
        for number in 1..=MAX_PAGES {
            page(number);
            let bytes = self
                .page(number, cancelled)
                .map_err(|error| BuildError::Page {
                    repository: self.repository.clone(),
                    page: number,
                    error,
                })?;
            let found = parse_releases(&bytes)?;
            let last = found.len() < PER_PAGE;
            releases.extend(found);
            if last {
                return Ok(Listing {
                    releases,
                    complete: true,
                });
            }
        }
        Ok(Listing {
            releases,
            complete: false,
        })
    }

    fn page(&self, number: usize, cancelled: &dyn Fn() -> bool) -> Result<Vec<u8>, DownloadError> {
        let mut url = self.api.clone();
        let path = format!(
            "{}/repos/{}/releases",
            url.path().trim_end_matches('/'),
            self.repository
        );
        url.set_path(&path);
        url.set_query(Some(&format!("per_page={PER_PAGE}&page={number}")));
        let mut wanted = Wanted::new(url);
        wanted.bearer.clone_from(&self.token);
        let mut file = tempfile::tempfile().map_err(DownloadError::Io)?;
        download(&wanted, &mut file, &self.limits, &|_| {}, cancelled)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(DownloadError::Io)?;
        Ok(bytes)
    }
}
