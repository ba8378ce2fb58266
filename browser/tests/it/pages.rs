//! The pages, in one list: what stands here is looked at by every test of `every_page.rs`.

/// A page to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// The name of its picture.
    pub(crate) name: &'static str,
    /// Where it is; `{run}` and the like stand for names of the world.
    pub(crate) path: &'static str,
    /// The picture is for the documents, too: light, the upper part of the page.
    pub(crate) shown: bool,
}

const fn page(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        shown: false,
    }
}

const fn shown(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        shown: true,
    }
}

/// Pages of a server with ten plugins.
pub(crate) const FULL: &[Page] = &[
    shown("overview", "/ui/"),
    shown("plugins", "/ui/plugins"),
    page("no-such-page", "/ui/no-such-page"),
];

/// Pages of a server on which nothing was done yet.
pub(crate) const EMPTY: &[Page] = &[page("overview", "/ui/"), page("plugins", "/ui/plugins")];
