//! Which names of an archive's entries become files. The others are refused, never mended:
//! a package has no reason to hold one.

/// How deep an entry may be: a directory and a file in it.
const MAX_DEPTH: usize = 2;

/// The longest name of one file or directory, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Names that stand for devices on Windows, with any extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// What is wrong with the name of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// It is empty, or has an empty part.
    #[error("it is empty or has an empty part")]
    Empty,
    /// It begins at the root of the file system.
    #[error("it is an absolute path")]
    Absolute,
    /// It leads out of the archive.
    #[error("it has .. in it")]
    Parent,
    /// It has `.` as a part.
    #[error("it has . in it")]
    Dot,
    /// A backslash, which separates paths on some systems.
    #[error("it has a backslash in it")]
    Backslash,
    /// A colon, which names drives and streams on some systems.
    #[error("it has a colon in it")]
    Colon,
    /// A character that does not print.
    #[error("it has a control character in it")]
    Control,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// Deeper than a file in a directory.
    #[error("it is deeper than one directory")]
    TooDeep,
    /// Longer than file systems allow.
    #[error("a part of it has more than 255 bytes")]
    TooLong,
    /// A name with a meaning of its own.
    #[error("it is reserved, or ends with a dot or a space")]
    Reserved,
}

/// The parts of an entry's name: one or two. A leading `./`, which `tar` writes, and a
/// trailing `/`, which marks a directory, are passed over; nothing is left of `./` itself.
pub(crate) fn parts(name: &[u8]) -> Result<Vec<&str>, NameProblem> {
    let name = std::str::from_utf8(name).map_err(|_| NameProblem::NotText)?;
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    if name.starts_with('/') {
        return Err(NameProblem::Absolute);
    }
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = name.split('/').collect();
    for part in &parts {
        check(part)?;
    }
    if parts.len() > MAX_DEPTH {
        return Err(NameProblem::TooDeep);
    }
    Ok(parts)
}

/// Whether `part` can be the name of one file of a package.
pub(crate) fn check(part: &str) -> Result<(), NameProblem> {
    match part {
        "" => return Err(NameProblem::Empty),
        "." => return Err(NameProblem::Dot),
        ".." => return Err(NameProblem::Parent),
        _ => {}
    }
    for character in part.chars() {
        match character {
            '\\' => return Err(NameProblem::Backslash),
            ':' => return Err(NameProblem::Colon),
            '/' => return Err(NameProblem::TooDeep),
            // Characters that turn or hide text are as good as control characters here.
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => return Err(NameProblem::Control),
            character if character.is_control() => return Err(NameProblem::Control),
            _ => {}
        }
    }
    if part.len() > MAX_NAME_BYTES {
        return Err(NameProblem::TooLong);
    }
    let stem = part.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_lowercase();
    let is_device = DEVICES
        .iter()
        .any(|device| match stem.strip_prefix(device) {
            Some("") => !matches!(*device, "com" | "lpt"),
            Some(number) => {
                matches!(*device, "com" | "lpt")
                    && number.len() == 1
                    && number.bytes().all(|byte| byte.is_ascii_digit())
            }
            None => false,
        });
    // The store keeps its own record of a version under this name.
    let is_ours = part.eq_ignore_ascii_case(crate::store::RECORD_NAME);
    if is_device || is_ours || part.ends_with(['.', ' ']) {
        return Err(NameProblem::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_a_package_are_taken_and_all_others_refused() {
        for (name, expected) in [
            ("plugin.json", vec!["plugin.json"]),
            ("./plugin.json", vec!["plugin.json"]),
            ("httpbin/", vec!["httpbin"]),
            ("lib/libfoo.so.1", vec!["lib", "libfoo.so.1"]),
            ("./lib/", vec!["lib"]),
            ("./", vec![]),
            ("com", vec!["com"]),
            ("console", vec!["console"]),
            ("Überblick.md", vec!["Überblick.md"]),
        ] {
            assert_eq!(parts(name.as_bytes()).unwrap(), expected, "{name:?}");
        }
        for (name, expected) in [
            (&b""[..], NameProblem::Empty),
            (b"/etc/passwd", NameProblem::Absolute),
            (b"//x", NameProblem::Absolute),
            (b"../x", NameProblem::Parent),
            (b"a/../x", NameProblem::Parent),
            (b"..", NameProblem::Parent),
            (b"./../x", NameProblem::Parent),
            (b"././x", NameProblem::Dot),
            (b"a//b", NameProblem::Empty),
            (b".//b", NameProblem::Empty),
            (b"a\\b", NameProblem::Backslash),
            (b"..\\x", NameProblem::Backslash),
            (b"C:x", NameProblem::Colon),
            (b"a\nb", NameProblem::Control),
            (b"a\0b", NameProblem::Control),
            (b"a\x7fb", NameProblem::Control),
            ("a\u{202e}b".as_bytes(), NameProblem::Control),
            (b"\xff", NameProblem::NotText),
            (b"a/b/c", NameProblem::TooDeep),
            (b"NUL", NameProblem::Reserved),
            (b"nul.txt", NameProblem::Reserved),
            (b"com1", NameProblem::Reserved),
            (b"x.", NameProblem::Reserved),
            (b"x ", NameProblem::Reserved),
            (b".outboard.toml", NameProblem::Reserved),
            (b".Outboard.toml", NameProblem::Reserved),
        ] {
            assert_eq!(
                parts(name),
                Err(expected),
                "{:?}",
                String::from_utf8_lossy(name)
            );
        }
        assert_eq!(parts(&[b'x'; 256]), Err(NameProblem::TooLong));
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_stays_below_the_directory(
            name in prop_oneof![
                any::<Vec<u8>>(),
                "[a-z./\\\\:]{0,12}".prop_map(String::into_bytes),
                "(\\.{0,3}|[a-c]{1,2}|/){0,6}".prop_map(String::into_bytes),
            ],
        ) {
            if let Ok(parts) = parts(&name) {
                prop_assert!(parts.len() <= MAX_DEPTH);
                for part in parts {
                    let components: Vec<_> = Path::new(part).components().collect();
                    prop_assert_eq!(components.len(), 1);
                    prop_assert!(matches!(components[0], Component::Normal(_)));
                    prop_assert!(!part.contains(['/', '\\']));
                }
            }
        }
    }
}
