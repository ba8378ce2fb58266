//! `cargo xtask tidy`: the project's own rules, each of which a reviewer would
//! otherwise have to remember.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Result, command::root, metadata::Metadata};

mod arrows;
mod differences;
mod environment;
mod files;
mod licences;
mod links;
pub(crate) mod markdown;
mod readme;
mod seed_map;

/// Checks all rules and lists everything that breaks one.
///
/// # Errors
///
/// When something breaks a rule, or a file cannot be read.
pub(crate) fn run(_: &[String]) -> Result {
    let tree = Tree::read(root())?;
    let metadata = Metadata::load()?;
    let mut problems = Vec::new();
    files::check(&tree, &mut problems);
    arrows::check(&tree, &metadata, &mut problems)?;
    readme::check(&tree, &mut problems);
    links::check(&tree, &mut problems);
    environment::check(&tree, &mut problems);
    seed_map::check(&tree, &mut problems);
    differences::check(&tree, &mut problems);
    licences::check(&tree, &metadata, &mut problems)?;
    if problems.is_empty() {
        eprintln!("tidy: {} files keep the rules", tree.files.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    let count = problems.len();
    Err(format!("{count} place{} to mend", if count == 1 { "" } else { "s" }).into())
}

/// The files of the repository.
pub(crate) struct Tree {
    files: Vec<File>,
}

/// A file, empty if it is no text; its path is relative to the root of the repository, with slashes.
pub(crate) struct File {
    path: String,
    text: String,
}

impl Tree {
    fn read(root: &Path) -> Result<Tree> {
        let mut files = Vec::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(root.join(&directory))? {
                let entry = entry?;
                let name = entry.file_name();
                let path = directory.join(&name);
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    let name = name.to_string_lossy();
                    if !matches!(&*name, "target" | ".git" | "__pycache__" | "node_modules") {
                        waiting.push(path);
                    }
                } else if kind.is_file() {
                    let bytes = fs::read(root.join(&path))?;
                    // What is not text has no rules to keep, but links may lead to it.
                    let text = String::from_utf8(bytes).unwrap_or_default();
                    let path = path.to_string_lossy().replace('\\', "/");
                    files.push(File { path, text });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Tree { files })
    }

    fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files below a directory, or with an empty one all, that end in a suffix.
    fn below<'a>(&'a self, directory: &'a str, suffix: &'a str) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(directory) && file.path.ends_with(suffix))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Tree {
            files: files.iter().map(file).collect(),
        }
    }
}
