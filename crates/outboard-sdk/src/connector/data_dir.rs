//! Where a connector may keep files.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use outboard_contracts::connector::{KeyError, validate_key};

/// The variable in which hosts of ours name the directory.
const PLUGIN_DATA_DIR: &str = "OUTBOARD_PLUGIN_DATA_DIR";

/// A directory in which the connector `key` may keep files from call to call. It is made,
/// for the user alone, if it is not there.
///
/// It is, in this order:
///
/// 1. what the host says in `OUTBOARD_PLUGIN_DATA_DIR`;
/// 2. beside the installation, in the layout of the original: a program in
///    `…/plugins/connectors/KEY/` keeps its files in `…/plugins/KEY/`;
/// 3. `outboard/data/connectors/KEY` in the user's data directory (`XDG_DATA_HOME`, else
///    `~/.local/share`).
///
/// Never in the directory for temporary files, which is emptied behind one's back.
///
/// # Errors
///
/// See [`DataDirError`].
pub fn data_dir(key: &str) -> Result<PathBuf, DataDirError> {
    let program = env::current_exe().ok();
    let directory = locate(key, program.as_deref(), |name| {
        env::var_os(name).map(PathBuf::from)
    })?;
    make(&directory).map_err(|error| DataDirError::Make {
        path: directory.clone(),
        error,
    })?;
    Ok(directory)
}

fn locate(
    key: &str,
    program: Option<&Path>,
    variable: impl Fn(&str) -> Option<PathBuf>,
) -> Result<PathBuf, DataDirError> {
    validate_key(key).map_err(DataDirError::Key)?;
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    if let Some(given) = absolute(PLUGIN_DATA_DIR) {
        return Ok(given);
    }
    if let Some(plugins) = program.and_then(|program| plugins_of(program, key)) {
        return Ok(plugins.join(key));
    }
    let home = || absolute("HOME").map(|home| home.join(".local").join("share"));
    let data = absolute("XDG_DATA_HOME")
        .or_else(home)
        .ok_or(DataDirError::NoHome)?;
    Ok(data
        .join("outboard")
        .join("data")
        .join("connectors")
        .join(key))
}

/// `…/plugins` for a program `…/plugins/connectors/KEY/PROGRAM`.
fn plugins_of<'a>(program: &'a Path, key: &str) -> Option<&'a Path> {
    let own = program
        .parent()
        .filter(|own| own.file_name().is_some_and(|name| name == key))?;
    let connectors = own
        .parent()
        .filter(|all| all.ends_with("plugins/connectors"))?;
    // There it would be the directory of the programs themselves.
    connectors.parent().filter(|_| key != "connectors")
}

fn make(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

/// Why there is no directory.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataDirError {
    /// The key can name no connector, and so no directory.
    Key(KeyError),
    /// Neither the host nor the environment says where.
    NoHome,
    /// It could not be made.
    Make {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for DataDirError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataDirError::Key(error) => write!(formatter, "there is no data directory: {error}"),
            DataDirError::NoHome => write!(
                formatter,
                "there is no data directory: none of {PLUGIN_DATA_DIR}, XDG_DATA_HOME and HOME \
                 is set to an absolute path"
            ),
            DataDirError::Make { path, error } => {
                write!(
                    formatter,
                    "cannot make the data directory {}: {error}",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for DataDirError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DataDirError::Key(error) => Some(error),
            DataDirError::NoHome => None,
            DataDirError::Make { error, .. } => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(key: &str, program: &str, variables: &[(&str, &str)]) -> Result<PathBuf, DataDirError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| PathBuf::from(value))
        };
        locate(key, Some(Path::new(program)), variable)
    }

    #[test]
    fn the_host_comes_first_then_the_installation_then_the_user() {
        let installed = "/w/plugins/connectors/slack/slack";
        let home = ("HOME", "/home/a");
        let given = ("OUTBOARD_PLUGIN_DATA_DIR", "/d/slack");
        assert_eq!(
            at("slack", installed, &[home, given]).unwrap(),
            Path::new("/d/slack")
        );
        assert_eq!(
            at("slack", installed, &[home]).unwrap(),
            Path::new("/w/plugins/slack")
        );
        assert_eq!(
            at("slack", "/work/target/debug/slack", &[home]).unwrap(),
            Path::new("/home/a/.local/share/outboard/data/connectors/slack")
        );
        assert_eq!(
            at("slack", "/bin/slack", &[home, ("XDG_DATA_HOME", "/x")]).unwrap(),
            Path::new("/x/outboard/data/connectors/slack")
        );
    }

    #[test]
    fn a_key_never_leads_to_the_programs_or_out_of_the_directory() {
        let home = [("HOME", "/h")];
        let own = at("connectors", "/w/plugins/connectors/connectors/bin", &home).unwrap();
        assert!(own.starts_with("/h"), "{own:?}");
        let of_another = at("slack", "/w/plugins/connectors/github/bin", &home).unwrap();
        assert!(of_another.starts_with("/h"), "{of_another:?}");
        for key in ["", "..", "a/b", "/etc"] {
            assert!(
                matches!(at(key, "/bin/x", &home), Err(DataDirError::Key(_))),
                "{key:?}"
            );
        }
    }

    #[test]
    fn without_a_place_there_is_an_error_and_no_temporary_directory() {
        assert!(matches!(at("a", "/bin/a", &[]), Err(DataDirError::NoHome)));
        assert!(matches!(
            at("a", "/bin/a", &[("HOME", "relative")]),
            Err(DataDirError::NoHome)
        ));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_made_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("a/b");
        make(&directory).unwrap();
        make(&directory).unwrap();
        assert_eq!(
            fs::metadata(&directory).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
